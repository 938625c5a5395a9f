// The files of other load balancers, each format: the first byte says which, files end with a byte 0. An import neither
// throws nor fails to say what it left out, and what it writes is TOML.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "config/import/importer.h"
#include "config/toml_tree.h"
#include "tests/fuzz/input.h"

namespace {

// As heartbeat tells its files apart.
constexpr const char* kNames[] = {"folder/ha.cf", "folder/authkeys", "folder/haresources",
                                  "folder/file.conf"};
constexpr std::size_t kMostFiles = std::size(kNames);

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto& formats = lb::kEnumNames<lb::importer::Format>;
  const auto format = formats[data[0] % formats.size()].value;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<lb::importer::File> files;
  for (std::size_t begin = 0; begin <= text.size() && files.size() < kMostFiles;) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    files.push_back({kNames[files.size()], text.substr(begin, end - begin)});
    begin = end + 1;
  }
  lb::importer::Options options;
  // A file that is included is the first one again, which may include itself.
  options.read = [&](const std::string& path) -> lb::Result<std::string> {
    if (path.size() % 2 == 1) return lb::fail(path + ": no such file");
    return files.front().text;
  };
  options.glob = [](const std::string& pattern) { return std::vector<std::string>{pattern}; };
  const auto import = lb::importer::import_files(format, files, options);
  if (!import) return 0;
  for (const lb::importer::Imported& director : import->directors) {
    for (const lb::importer::Note& note : director.notes) {
      LB_FUZZ_CHECK(!note.there.empty() || !note.here.empty());
    }
    lb::config::Node root;
    std::vector<lb::config::Mistake> mistakes;
    LB_FUZZ_CHECK(lb::config::read_toml(director.text, root, mistakes));
  }
  return 0;
}
