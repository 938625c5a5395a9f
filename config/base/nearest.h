// The known word nearest to a misspelt one, for "did you mean".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lb {

// Number of letters to insert, delete, replace or swap with their neighbour to make `b` of `a`
// (Damerau-Levenshtein, no letter touched twice). Case is ignored, '-' and ' ' count as '_'.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, the first of equals; empty when none is near enough to be worth a guess.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

// The message about a name that does not exist: "unknown service wb; did you mean web?", or, without
// a guess, "unknown service x; " and `otherwise`; when that is empty, "use one of " all `known`.
std::string unknown_name(std::string_view what, std::string_view name,
                         std::span<const std::string_view> known, std::string_view otherwise = {});

// That `service`, or any service when it is empty, has no such real server.
std::string unknown_real_server(const std::string& service, const std::string& address);

}  // namespace lb
