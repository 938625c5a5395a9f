// Runs a fuzz target over the files of its corpus, given as files or directories: the corpus as an
// ordinary test, with any compiler.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> files_of(int argc, char** argv) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t done = 0;
  for (const std::filesystem::path& file : files_of(argc, argv)) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
      return 1;
    }
    // Named before it runs: a finding aborts.
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    // Exactly as large as the input, so that an address sanitizer sees every byte too far.
    const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(input.data(), input.size());
    ++done;
  }
  std::printf("%zu inputs replayed\n", done);
  if (done == 0) std::fprintf(stderr, "no corpus found\n");
  return done == 0 ? 1 : 0;
}
