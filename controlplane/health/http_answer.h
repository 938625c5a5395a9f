// The answer to one HTTP/1 request (RFC 9112), as it arrives. Pure.
//
// Tolerant, it accepts what clients accept: a status line without a reason phrase, LF alone as a
// line end, empty lines before the status line, blanks before a colon, equal lengths in a list.
// Strict, it does not. Either way interim answers (100 to 199, but 101) are skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lb::health {

// Of all lines before the body, those of interim answers included.
inline constexpr std::size_t kMaxHttpHeaderBytes = 16 * 1024;

class HttpAnswer {
 public:
  enum class State : std::uint8_t {
    kHeader,   // incomplete
    kBody,     // status() is known, the body is incomplete
    kWhole,    // what follows is ignored
    kInvalid,  // not HTTP/1
    kTooLong,  // the header
  };

  HttpAnswer(bool to_head, bool strict) : to_head_(to_head), strict_(strict) {}

  // Takes the next bytes; those of the body, without the framing of chunks, are appended to `body`.
  State add(std::string_view bytes, std::string& body);

  State state() const { return state_; }
  unsigned status() const { return status_; }
  // The body has no length of its own: the end of the connection is its end.
  bool ends_with_connection() const { return state_ == State::kBody && next_ == Next::kBytes; }
  // What was not body: header, sizes of chunks, trailers.
  std::size_t overhead() const { return overhead_; }

 private:
  enum class Next : std::uint8_t {
    kStatus,
    kFields,
    kBytes,    // of a body, until the connection ends
    kCounted,  // `left_` bytes of a body or a chunk
    kChunkSize,
    kChunkEnd,
    kTrailer,
  };

  bool ended() const { return state_ != State::kHeader && state_ != State::kBody; }
  // Both return how many bytes they took.
  std::size_t add_content(std::string_view bytes, std::string& body);
  std::size_t add_to_line(std::string_view bytes);
  // False: invalid.
  bool on_line(std::string_view line);
  bool on_status(std::string_view line);
  bool on_field(std::string_view line);
  bool on_length(std::string_view value);
  bool on_header_end();
  bool on_chunk_size(std::string_view line);

  const bool to_head_;
  const bool strict_;
  State state_ = State::kHeader;
  Next next_ = Next::kStatus;
  std::string line_;  // incomplete
  std::size_t overhead_ = 0;
  unsigned status_ = 0;
  std::optional<std::uint64_t> length_;  // Content-Length
  bool coded_ = false;                   // Transfer-Encoding
  bool chunked_ = false;                 // by the last coding of it
  std::uint64_t left_ = 0;
};

}  // namespace lb::health
