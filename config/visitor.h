// What a table of the file consists of, described once for all that goes through it: reading,
// printing and listing the keys. describe() (config/describe.h) names each key of a table to a
// Visitor, in the order in which they are printed; TableReader, Printer and KeyLister are the
// visitors.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/enum_names.h"
#include "config/base/result.h"
#include "config/model.h"

namespace lb::config {

enum class Presence : std::uint8_t {
  kRequired,   // a file without the key is wrong
  kDefaulted,  // there is a default, which print() writes out
  kIfSet,      // likewise, and print() leaves out what is empty, 0 or false
};

// How a value is written between quotes.
template <typename T>
struct Form {
  std::string_view kind;  // "address and port"
  Result<T> (*parse)(const std::string& text);
  std::string (*print)(const T& value);
};

template <typename T>
struct ListForm {
  std::string_view elements;  // "addresses"
  std::string_view example;   // "[\"192.0.2.2/24\"]"
  Result<T> (*parse)(const std::string& text);
  std::string (*print)(const T& value);
};

class Visitor {
 public:
  virtual ~Visitor() = default;

  // Whether values are read from a file: only then may a description change them by itself.
  virtual bool reading() const { return false; }
  // Whether the file has the key. Only for reading.
  virtual bool given(std::string_view) const { return false; }
  // Whether the file has the key with a mistake or misspelt, so that its value is not known. Only for
  // reading, and after the key.
  virtual bool spoiled(std::string_view) const { return false; }
  // The key is there and must not be, or not so. Only for reading; one mistake is enough.
  virtual void refuse(std::string_view, const std::string&) {}

  // One that may not be empty.
  void text(std::string_view key, std::string& value, Presence presence) {
    on_text(make_key(key, presence, !value.empty()), value);
  }
  void boolean(std::string_view key, bool& value, Presence presence) {
    on_boolean(make_key(key, presence, value), value);
  }
  void duration(std::string_view key, Milliseconds& value, Milliseconds min, Milliseconds max,
                Presence presence = Presence::kDefaulted) {
    on_duration(make_key(key, presence, value.count() != 0), value, min, max);
  }
  // `example` is for messages, as TOML.
  void texts(std::string_view key, std::vector<std::string>& value, std::string_view example,
             Presence presence) {
    const ListForm<std::string> form = {
        "texts", example, [](const std::string& text) { return Result<std::string>(text); },
        [](const std::string& text) { return text; }};
    list(key, value, form, presence);
  }
  // A number, or a text with several ranges.
  void statuses(std::string_view key, StatusSet& value, Presence presence) {
    on_statuses(make_key(key, presence, true), value);
  }

  template <std::integral T>
  void number(std::string_view key, T& value, std::type_identity_t<T> min,
              std::type_identity_t<T> max, Presence presence = Presence::kDefaulted) {
    std::int64_t wide = value;
    on_number(make_key(key, presence, value != 0), wide, min, max);
    if (reading()) value = static_cast<T>(wide);
  }
  template <std::integral T>
  void number(std::string_view key, std::optional<T>& value, std::type_identity_t<T> min,
              std::type_identity_t<T> max) {
    constexpr std::int64_t kNotSet = std::numeric_limits<std::int64_t>::min();
    std::int64_t wide = value ? std::int64_t{*value} : kNotSet;
    on_number(make_key(key, Presence::kIfSet, value.has_value()), wide, min, max);
    if (reading() && wide != kNotSet) value = static_cast<T>(wide);
  }

  template <typename E>
  void choice(std::string_view key, E& value, Presence presence = Presence::kDefaulted) {
    constexpr auto& kNames = kEnumNames<E>;
    std::array<std::string_view, kNames.size()> names;
    std::size_t index = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      names[i] = kNames[i].name;
      if (kNames[i].value == value) index = i;
    }
    on_choice(make_key(key, presence, value != E{}), index, names);
    if (reading()) value = kNames[index].value;
  }

  // A text that `form` turns into a T and back.
  template <typename T>
  void value(std::string_view key, T& value, const Form<T>& form, std::string_view example,
             Presence presence) {
    on_form(make_key(key, presence, value != T{}), {form.kind, example},
            {.parse = [&](const std::string& text) { return assign(value, form.parse(text)); },
             .print = [&] { return form.print(value); }});
  }
  template <typename T>
  void value(std::string_view key, std::optional<T>& value, const Form<T>& form,
             std::string_view example) {
    on_form(make_key(key, Presence::kIfSet, value.has_value()), {form.kind, example},
            {.parse = [&](const std::string& text) { return assign(value, form.parse(text)); },
             .print = [&] { return form.print(*value); }});
  }

  // One that is wrong keeps its place, so that the others keep theirs.
  template <typename T>
  void list(std::string_view key, std::vector<T>& value, const ListForm<T>& form,
            Presence presence) {
    on_list(make_key(key, presence, !value.empty()), {form.elements, form.example},
            {.clear = [&] { value.clear(); },
             .parse =
                 [&](const std::string& text) {
                   return assign(value.emplace_back(), form.parse(text));
                 },
             .size = [&] { return value.size(); },
             .print = [&](std::size_t index) { return form.print(value[index]); }});
  }

  // Keys that mean something only if `holds`, which the key `by` decides; else a file must not have
  // them: "KEY has no meaning " and `why()`. While `by` is spoiled nothing is said of them.
  template <std::invocable Why, std::invocable Keys>
  void only_if(std::string_view by, bool holds, Why&& why, Keys&& keys) {
    if (holds) {
      keys();
    } else {
      without_meaning(by, why, keys);
    }
  }
  // The next key, which is no table, holds a secret: its value is never shown (secret.h). What is
  // wrong about it is said without it.
  Visitor& secret() {
    next_is_secret_ = true;
    return *this;
  }
  // print() writes the next key only if `condition`.
  virtual Visitor& printed_if(bool condition) = 0;

  // [key]. `keys` gets the visitor of the table.
  template <typename T, std::invocable<Visitor&, T&> Keys>
  void table(std::string_view key, T& value, Keys&& keys,
             Presence presence = Presence::kDefaulted) {
    on_table(make_key(key, presence, value != T{}), [&](Visitor& table) {
      table.stamp(value);
      keys(table, value);
    });
  }
  // One that need not be there, made of `initial` when it is.
  template <typename T, std::invocable<Visitor&, T&> Keys>
  void table(std::string_view key, std::optional<T>& value, const T& initial, Keys&& keys) {
    on_table(make_key(key, Presence::kIfSet, value.has_value()), [&](Visitor& table) {
      if (!value) value = initial;
      table.stamp(*value);
      keys(table, *value);
    });
  }
  // [[key]]
  template <typename T, std::invocable<Visitor&, T&> Keys>
  void tables(std::string_view key, std::vector<T>& values, Keys&& keys) {
    on_tables(key, values.size(), [&](Visitor& table, std::size_t index) {
      if (index == values.size()) values.emplace_back();
      table.stamp(values[index]);
      keys(table, values[index]);
    });
  }

 protected:
  struct Key {
    std::string_view name;
    Presence presence;
    bool is_set;  // other than empty, 0 or false
    bool is_secret;
    bool is_printed() const { return is_set || presence != Presence::kIfSet; }
  };
  struct Wording {
    std::string_view kind;     // of a value, or of a list's elements
    std::string_view example;  // as TOML
  };
  struct FormAccess {
    std::function<Result<void>(const std::string& text)> parse;
    std::function<std::string()> print;
  };
  struct ListAccess {
    std::function<void()> clear;
    std::function<Result<void>(const std::string& text)> parse;  // appends
    std::function<std::size_t()> size;
    std::function<std::string(std::size_t index)> print;
  };
  using Keys = std::function<void()>;
  using Why = std::function<std::string()>;
  using TableKeys = std::function<void(Visitor& table)>;
  using TablesKeys = std::function<void(Visitor& table, std::size_t index)>;

  virtual void on_text(const Key& key, std::string& value) = 0;
  virtual void on_boolean(const Key& key, bool& value) = 0;
  virtual void on_number(const Key& key, std::int64_t& value, std::int64_t min,
                         std::int64_t max) = 0;
  virtual void on_duration(const Key& key, Milliseconds& value, Milliseconds min,
                           Milliseconds max) = 0;
  virtual void on_choice(const Key& key, std::size_t& index,
                         std::span<const std::string_view> names) = 0;
  virtual void on_statuses(const Key& key, StatusSet& value) = 0;
  virtual void on_form(const Key& key, const Wording& wording, const FormAccess& access) = 0;
  virtual void on_list(const Key& key, const Wording& wording, const ListAccess& access) = 0;
  virtual void without_meaning(std::string_view by, const Why& why, const Keys& keys) = 0;
  virtual void on_table(const Key& key, const TableKeys& keys) = 0;
  // `count`: how many there are already; 0 when reading.
  virtual void on_tables(std::string_view key, std::size_t count, const TablesKeys& keys) = 0;
  // The place of the table.
  virtual Location where() const { return {}; }

 private:
  Key make_key(std::string_view name, Presence presence, bool is_set) {
    return {name, presence, is_set, std::exchange(next_is_secret_, false)};
  }

  template <typename T, typename From>
  static Result<void> assign(T& value, Result<From>&& parsed) {
    if (!parsed) return tl::make_unexpected(std::move(parsed.error()));
    value = std::move(*parsed);
    return {};
  }

  template <typename T>
  void stamp(T& value) {
    if constexpr (requires { value.where; }) {
      if (reading()) value.where = Origin{where()};
    }
  }

  bool next_is_secret_ = false;
};

}  // namespace lb::config
