// Runs a Dialogue over a connection.
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "controlplane/health/dialogue.h"
#include "controlplane/health/stream_probe.h"

namespace lb::health {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kMaxAnswerBytes = 16 * 1024;

template <typename Stream>
class DialogueProbe final : public StreamProbe<Stream> {
  using Base = StreamProbe<Stream>;
  using typename Base::error_code;

 public:
  template <typename... Tls>
  DialogueProbe(asio::io_context& io, const Request& request, Done done,
                std::unique_ptr<Dialogue> dialogue, Tls... tls)
      : Base(io, request, std::move(done), tls...), dialogue_(std::move(dialogue)) {}

 private:
  void talk() override { act(dialogue_->next(received_)); }

  void act(Move move) {
    switch (move.kind) {
      case Move::Kind::kWait:
        return read();
      case Move::Kind::kSend:
        return send(std::move(move.text));
      case Move::Kind::kGood:
        return part(move);
      case Move::Kind::kBad:
        return this->end({Verdict::kBad, move.text, move.agent});
    }
  }

  void send(std::string bytes) {
    sending_ = std::move(bytes);
    asio::async_write(this->stream(), asio::buffer(sending_),
                      [this, self = this->shared_from_this()](error_code ec, std::size_t) {
                        if (this->closed()) return;
                        // A server may answer and close without having read what was sent.
                        (void)ec;
                        talk();
                      });
  }

  void read() {
    if (received_.size() >= kMaxAnswerBytes) {
      return this->end(bad(
          "L7RSP", "no answer as expected within " + std::to_string(kMaxAnswerBytes) + " bytes"));
    }
    this->stream().async_read_some(asio::buffer(chunk_), [this, self = this->shared_from_this()](
                                                             error_code ec, std::size_t count) {
      if (this->closed()) return;
      if (ec) return on_ended(ec);
      anything_ = true;
      received_.append(chunk_.data(), count);
      talk();
    });
  }

  void on_ended(error_code ec) {
    if (Base::is_reset(ec)) return this->end(bad("L7RSP", "connection reset"));
    if (ec == asio::error::eof) {
      Move move = dialogue_->at_close(received_);
      if (move.kind != Move::Kind::kWait) return act(std::move(move));
    }
    this->end(bad("L7RSP", anything_ ? "connection closed before the expected answer"
                                     : "connection closed before an answer"));
  }

  void part(const Move& move) {
    Outcome outcome = good(move.text, this->took());
    outcome.agent = move.agent;
    // The protocol has no request to close: we close.
    if (move.farewell.empty()) return this->succeed(outcome, true);
    sending_ = move.farewell;
    asio::async_write(this->stream(), asio::buffer(sending_),
                      [this, self = this->shared_from_this(), outcome](error_code, std::size_t) {
                        if (!this->closed()) this->succeed(outcome, false);
                      });
  }

  std::unique_ptr<Dialogue> dialogue_;
  std::string received_;
  bool anything_ = false;
  std::string sending_;
  std::array<char, 4096> chunk_;
};

class DialogueProber final : public Prober {
 public:
  explicit DialogueProber(asio::io_context& io) : io_(io) {}

  std::shared_ptr<Probe> start(const Request& request, Done done) override {
    auto dialogue = make_dialogue(request, patterns_);
    if (!dialogue) {
      return start_failed_probe(
          io_, {Verdict::kInconclusive, "SOCKERR " + dialogue.error().message}, done);
    }
    return start_stream_probe<DialogueProbe<PlainStream>, DialogueProbe<TlsStream>>(
        io_, request, std::move(done), contexts_, std::move(*dialogue));
  }

 private:
  asio::io_context& io_;
  Patterns patterns_;
  TlsContexts contexts_;
};

}  // namespace

std::unique_ptr<Prober> make_dialogue_prober(asio::io_context& io) {
  return std::make_unique<DialogueProber>(io);
}

}  // namespace lb::health
