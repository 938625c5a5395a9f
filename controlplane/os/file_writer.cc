#include "controlplane/os/file_writer.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "controlplane/os/text_file.h"

namespace lb::controlplane {
namespace {

constexpr std::size_t kMostFiles = 100;  // that wait; there are a handful

Result<void> replace(const std::string& path, const std::optional<std::string>& text) {
  if (text) return write_text(path, *text);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail(path + " cannot be removed: " + std::strerror(errno));
}

}  // namespace

struct FileWriter::State {
  struct Job {
    std::optional<std::string> text;
    std::vector<Done> done;
  };

  State(boost::asio::io_context& io_context, Write w)
      : io(io_context), write_file(w ? std::move(w) : replace) {}

  // What waits for this path.
  Job take(const std::string& path) {
    const std::lock_guard lock(mutex);
    return std::move(waiting.extract(path).mapped());
  }

  void answer(std::vector<Done> calls, Result<void> result) {
    const std::lock_guard lock(mutex);
    if (closed) return;
    boost::asio::post(io, [calls = std::move(calls), result = std::move(result)] {
      for (const Done& call : calls) call(result);
    });
  }

  void run(const std::string& path) {
    Job job = take(path);
    auto result = write_file(path, job.text);
    answer(std::move(job.done), std::move(result));
  }

  boost::asio::io_context& io;
  const Write write_file;
  std::mutex mutex;  // of what follows
  std::map<std::string, Job> waiting;
  bool closed = false;  // `io` may be gone
};

FileWriter::FileWriter(boost::asio::io_context& io, Write write)
    : state_(std::make_shared<State>(io, std::move(write))), thread_("file-writer", kMostFiles) {}

FileWriter::~FileWriter() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
}

void FileWriter::write(const std::string& path, std::optional<std::string> text, Done done) {
  {
    const std::lock_guard lock(state_->mutex);
    const auto [job, is_new] = state_->waiting.try_emplace(path);
    job->second.text = std::move(text);
    job->second.done.push_back(std::move(done));
    if (!is_new) return;
  }
  if (thread_.run([state = state_, path] { state->run(path); })) return;
  state_->answer(state_->take(path).done,
                 fail(path + " cannot be written: too many files wait for the disk"));
}

bool FileWriter::finish(std::chrono::milliseconds limit) {
  return thread_.finish(limit);
}

}  // namespace lb::controlplane
