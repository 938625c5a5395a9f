#include "controlplane/cli/import.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <cstring>
#include <filesystem>
#include <ostream>

#include "config/base/nearest.h"
#include "config/import/importer.h"
#include "config/import/options.h"
#include "config/load.h"
#include "controlplane/cli/input.h"
#include "controlplane/cli/outcome.h"
#include "controlplane/view/json_value.h"

namespace lb::cli {
namespace {

namespace fs = std::filesystem;
using importer::Import;
using importer::Imported;
using importer::Note;
using view::Json;

std::vector<std::string> files_of(const std::string& pattern) {
  std::vector<std::string> files;
  glob_t found{};
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      std::error_code ignored;
      if (fs::is_regular_file(found.gl_pathv[i], ignored)) files.emplace_back(found.gl_pathv[i]);
    }
  }
  ::globfree(&found);
  return files;
}

// Of a folder's files: one that an import reads by itself.
bool is_read(importer::Format format, const fs::path& path) {
  if (format == importer::Format::kKeepalived) return path.filename() == "keepalived.conf";
  if (format == importer::Format::kHaproxy) return path.extension() == ".cfg";
  return true;
}

// A folder stands for the files in it; of keepalived for keepalived.conf, which includes the others.
Result<std::vector<importer::File>> read_all(importer::Format format,
                                             const std::vector<std::string>& names) {
  std::vector<importer::File> files;
  for (const std::string& name : names) {
    std::error_code ignored;
    std::vector<std::string> paths = {name};
    if (fs::is_directory(name, ignored)) {
      paths.clear();
      for (const auto& entry : fs::directory_iterator(name, ignored)) {
        if (entry.is_regular_file(ignored) && is_read(format, entry.path()))
          paths.push_back(entry.path().string());
      }
      std::sort(paths.begin(), paths.end());
      if (paths.empty()) return wrong_request(name + ": there is no file to import");
    }
    for (const std::string& path : paths) {
      auto text = read_input(path);
      if (!text) return wrong_request(fmt::format("{}: {}", path, text.error().message));
      files.push_back({path, std::move(*text)});
    }
  }
  return files;
}

Result<importer::Options> choices(const ImportChoices& chosen) {
  importer::Options options;
  options.read = config::read_file;
  options.glob = files_of;
  const auto add = [&](std::string_view name, const std::vector<std::string>& values) {
    Result<void> good;
    for (const std::string& value : values) {
      if (good) good = importer::add_option(options, name, value);
    }
    return good;
  };
  for (const auto& [name, values] :
       {std::pair{"ports", &chosen.ports}, std::pair{"device", &chosen.devices},
        std::pair{"address", &chosen.addresses},
        std::pair{"peer-address", &chosen.peer_addresses}}) {
    if (auto good = add(name, *values); !good) return tl::make_unexpected(good.error());
  }
  return options;
}

// "lb.toml" -> "lb.peer.toml"
std::string peer_file(const std::string& file) {
  const fs::path path(file);
  return (path.parent_path() / (path.stem().string() + ".peer" + path.extension().string()))
      .string();
}

// The last line of what is written to a file, with the sum of all before it: by it the next import
// knows whether anybody has changed the file since.
constexpr std::string_view kLastLine = "\n# Unchanged since the import, if this is its checksum: ";

std::string with_checksum(const std::string& text) {
  boost::crc_32_type sum;
  sum.process_bytes(text.data(), text.size());
  return fmt::format("{}{}{:08x}\n", text, kLastLine, sum.checksum());
}

// Only what an import wrote, and nobody has changed, may be replaced: another file at that place may
// be a director's configuration.
Result<void> may_write(const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return {};
  const auto before = config::read_file(path);
  const bool imported = before && before->starts_with("# " + std::string(importer::kHeader));
  if (imported && *before == with_checksum(before->substr(0, before->rfind(kLastLine)))) return {};
  return fail(
      fmt::format("{} exists and {}: choose another name, or remove it", path,
                  imported ? "was changed since its import" : "was not made by lbcli import"));
}

Result<void> write_file(const std::string& path, const std::string& text) {
  const std::string partial = path + ".partial";
  // Passwords may be in it.
  const int file =
      ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool good = file >= 0;
  for (std::size_t done = 0; good && done < text.size();) {
    const ssize_t written = ::write(file, text.data() + done, text.size() - done);
    good = written > 0;
    if (good) done += static_cast<std::size_t>(written);
  }
  if (file >= 0) good = ::close(file) == 0 && good;
  if (good && ::rename(partial.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(partial.c_str());
  return fail(fmt::format("{}: cannot be written: {}", path, std::strerror(error)));
}

Json notes_json(const std::vector<Note>& notes) {
  Json list = Json::array();
  for (const Note& note : notes) {
    list.push_back({{"severity", name_of(note.severity)},
                    {"file", note.place.file},
                    {"line", note.place.line},
                    {"keyword", note.keyword},
                    {"there", note.there},
                    {"here", note.here}});
  }
  return list;
}

std::string import_json(const Import& import, const std::vector<std::string>& files) {
  Json directors = Json::array();
  for (std::size_t i = 0; i < import.directors.size(); ++i) {
    const Imported& director = import.directors[i];
    directors.push_back({{"name", director.name},
                         {"file", i < files.size() ? Json(files[i]) : Json(nullptr)},
                         {"configuration", director.text},
                         {"to_fill_in", director.to_fill_in},
                         {"notes", notes_json(director.notes)}});
  }
  return view::print(
      {{"directors", std::move(directors)}, {"differences", notes_json(import.differences)}});
}

void print_notes(const Import& import, std::ostream& err) {
  for (const Imported& director : import.directors) {
    for (const Note& note : director.notes) err << note.to_string() << '\n';
  }
  for (const Note& note : import.differences) err << "difference: " << note.to_string() << '\n';
}

std::string ending(const Imported& director, const std::string& file) {
  std::string text = director.name + ": ";
  const std::string notes = importer::summary(director.notes);
  text += notes.empty() ? "nothing to note" : notes;
  if (!director.to_fill_in.empty()) {
    text += fmt::format(", {} to fill in (lbcli check names them)", director.to_fill_in.size());
  }
  if (!file.empty()) text += fmt::format("; written to {}", file);
  return text;
}

}  // namespace

Result<void> run_import(const Options& options, std::ostream& out, std::ostream& err) {
  const ImportChoices& chosen = options.import;
  std::vector<std::string_view> formats;
  for (const auto& [name, format] : kEnumNames<importer::Format>) formats.push_back(name);
  const auto format = from_name<importer::Format>(chosen.format);
  if (!format) return wrong_request(unknown_name("format", chosen.format, formats));
  const auto files = read_all(*format, chosen.files);
  if (!files) return tl::make_unexpected(files.error());
  const auto how = choices(chosen);
  if (!how) return tl::make_unexpected(how.error());
  const auto import = importer::import_files(*format, *files, *how);
  if (!import) return wrong_request(import.error().message);

  const auto needs_reading = [](const Imported& each) {
    return std::any_of(each.notes.begin(), each.notes.end(),
                       [](const Note& note) { return note.severity != importer::Severity::kInfo; });
  };
  const bool noted = !import->differences.empty() ||
                     std::any_of(import->directors.begin(), import->directors.end(), needs_reading);
  const bool refused = chosen.strict && noted;
  std::vector<std::string> written;
  if (!chosen.output.empty() && !refused) {
    written.push_back(chosen.output);
    if (import->directors.size() > 1) written.push_back(peer_file(chosen.output));
  }
  for (const std::string& path : written) {
    if (auto good = may_write(path); !good) return good;
  }
  for (std::size_t i = 0; i < written.size(); ++i) {
    const std::string text = with_checksum(import->directors[i].text);
    if (auto good = write_file(written[i], text); !good) return good;
  }
  if (options.json) {
    out << import_json(*import, written);
  } else {
    print_notes(*import, err);
    if (chosen.output.empty() && !refused) out << import->directors.front().text;
    for (std::size_t i = 0; i < import->directors.size(); ++i) {
      err << ending(import->directors[i], i < written.size() ? written[i] : "") << '\n';
    }
    if (import->directors.size() > 1 && chosen.output.empty()) {
      err << "two directors: with -o FILE each gets a file of its own\n";
    }
  }
  if (!refused) return {};
  return fail("--strict: there are errors, warnings or differences; nothing was written");
}

}  // namespace lb::cli
