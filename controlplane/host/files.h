// What is wrong with one file, folder or program, as a daemon would find it: empty, or a message
// with the remedy. Each question is asked once, however many keys name the file.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <tuple>

#include "config/base/result.h"
#include "controlplane/os/access_as.h"

namespace lb::controlplane::host {

class Files {
 public:
  // A file that lb-controlplane reads; `load`: its own way to read it, for what is wrong inside.
  // `kind` names it.
  std::string file(const std::string& path, const std::string& kind,
                   const std::function<Result<void>(const std::string& path)>& load);
  // One that exists or can be made. Nothing is wrong for others than root: they cannot tell.
  std::string writable_file(const std::string& path);
  // One that exists or can be made, with its parents. The same for others than root.
  std::string folder(const std::string& path);
  // A library, or a folder of them, that the data plane loads as root.
  std::string library(const std::string& path);
  // That runs as `user`. Without a slash it is searched in kProgramPath.
  std::string program(const std::string& program, const std::string& user);
  std::string user(const std::string& name);

 private:
  using Question = std::tuple<std::string, std::string, std::string>;
  template <typename Ask>
  const std::string& once(Question question, const Ask& ask);

  std::map<Question, std::string> answers_;
};

}  // namespace lb::controlplane::host
