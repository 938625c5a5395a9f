#include "dataplane/lcore/dpdk_log.h"

#include <dlfcn.h>
#include <rte_log.h>
#include <stdio.h>

#include <algorithm>
#include <cstdarg>
#include <mutex>
#include <string_view>

#include "config/base/log_limit.h"

namespace lb::dpdk_log {

namespace {

// One per process, as DPDK's log stream is. Any thread of DPDK may write.
struct State {
  std::mutex mutex;
  std::string partial;
  std::string last;
  bool shown = false;
  LogLimit limit{5};  // a driver may complain of every packet
};

State& state() {
  static State state;
  return state;
}

void take_line(State& s, std::string_view line) {
  if (line.empty()) return;
  s.last = line;
  if (s.shown) {
    s.limit.write(log::Level::kWarning, "dpdk", line, "dpdk: {}", line);
  } else {
    log::debug("dpdk: {}", line);
  }
}

ssize_t write_cookie(void* /*cookie*/, const char* data, size_t bytes) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.partial.append(data, bytes);
  std::size_t end = 0;
  while ((end = s.partial.find('\n')) != std::string::npos) {
    take_line(s, std::string_view(s.partial).substr(0, end));
    s.partial.erase(0, end + 1);
  }
  return static_cast<ssize_t>(bytes);
}

// What libbpf and libxdp print with: level (0 is a warning, the others say less), format,
// arguments.
int print_bpf(int level, const char* format, va_list arguments) {
  if (level != 0) return 0;
  char text[256];
  const int length = vsnprintf(text, sizeof(text), format, arguments);
  write_cookie(nullptr, text, std::min(static_cast<size_t>(std::max(length, 0)), sizeof(text) - 1));
  return length;
}

void set_print(const char* library, const char* function) {
  using SetPrint = void* (*)(int (*)(int, const char*, va_list));
  void* handle = dlopen(library, RTLD_NOLOAD | RTLD_LAZY);
  if (handle == nullptr) return;  // no driver needs it
  if (const auto set = reinterpret_cast<SetPrint>(dlsym(handle, function)); set != nullptr) {
    set(print_bpf);
  }
  dlclose(handle);
}

}  // namespace

void take_over_bpf() {
  set_print("libbpf.so.1", "libbpf_set_print");
  set_print("libxdp.so.1", "libxdp_set_print");
}

void take_over() {
  cookie_io_functions_t functions{};
  functions.write = write_cookie;
  FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream == nullptr) return;  // DPDK goes on logging to stderr
  rte_openlog_stream(stream);
  rte_log_set_global_level(RTE_LOG_WARNING);
}

void show() {
  rte_log_set_global_level(RTE_LOG_ERR);
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.shown = true;
}

std::string last_line() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return s.last;
}

void forget() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.last.clear();
}

}  // namespace lb::dpdk_log
