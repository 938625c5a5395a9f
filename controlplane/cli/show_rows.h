// What the data plane answers in parts, row by row: what is in memory at one time is one message.
#pragma once

#include <ostream>
#include <string>
#include <utility>

#include "controlplane/cli/cli.h"
#include "controlplane/cli/outcome.h"
#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"

namespace lb::cli {

// `messages` takes the rows out of a response, `row` makes one of the view's of each.
template <typename Messages, typename Row>
Result<void> show_rows(DataplaneClient& client, api::Request request, bool json,
                       const std::string& heading, std::ostream& out, Messages messages, Row row) {
  bool begun = false;
  bool any = false;
  std::string rows;
  const auto streamed = client.stream(std::move(request), [&](const api::Response& response) {
    rows.clear();
    if (!begun) rows = json ? "[" : heading;
    begun = true;
    for (const auto& message : messages(response)) {
      if (json) {
        rows += any ? ",\n" : "\n";
        view::append_json(row(message), rows);
      } else {
        view::append_text(row(message), rows);
      }
      any = true;
    }
    out << rows;
    return static_cast<bool>(out);
  });
  // Before the first row the data plane refuses filters; after that it can only have gone away.
  if (!streamed) return tl::make_unexpected(streamed.error());
  if (json) out << (any ? "\n]\n" : "]\n");
  return {};
}

}  // namespace lb::cli
