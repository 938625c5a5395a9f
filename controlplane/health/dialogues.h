// The protocols behind make_dialogue(), one .cc each but for those of lines.
#pragma once

#include <cstdint>

#include "controlplane/health/dialogue.h"

namespace lb::health {

Move wait_for_more();
Move send_bytes(std::string bytes);
Move good_answer(std::string code, std::string farewell = {});
Move bad_answer(std::string result);

// An anonymous bind (RFC 4511).
std::unique_ptr<Dialogue> make_ldap_dialogue();
// The greeting; with a user a login without a password.
std::unique_ptr<Dialogue> make_mysql_dialogue(const std::string& username);
// The start of a session, up to the question for a password.
std::unique_ptr<Dialogue> make_pgsql_dialogue(const std::string& username,
                                              const std::string& database);

}  // namespace lb::health
