// The known word nearest to a misspelt one, for "did you mean".
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace lb {

// Number of letters to insert, delete, replace or swap with their neighbour to make `b` of `a`
// (Damerau-Levenshtein, no letter touched twice). Case is ignored, '-' and ' ' count as '_'.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, the first of equals; empty when none is near enough to be worth a guess.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace lb
