// The configuration loader on any input: it neither throws nor hangs, every mistake has a place in
// the text, and what it accepts it prints so that it reads back the same. config/testdata/*.in
// belong to the corpus.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const lb::config::Machine machine{{0, 1, 2, 3, 4, 5, 6, 7}};
  const lb::config::Loaded loaded = lb::config::load_text(text, "fuzz", machine);
  for (const lb::config::Mistake& mistake : loaded.mistakes) {
    require(mistake.where.line > 0 && mistake.where.column > 0 && !mistake.message.empty());
  }
  if (loaded.mistakes.empty()) {
    const lb::config::Loaded again =
        lb::config::load_text(lb::config::print(loaded.config), "printed", machine);
    require(again.mistakes.empty() && again.config == loaded.config);
  }
  return 0;
}
