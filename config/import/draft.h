// A configuration in the making: tables and keys with the places that they come from. Importers fill
// it; it is written as a person would write it: what is as the default is not there, each table says
// where it comes from, and what cannot be known is a placeholder that no director accepts.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "config/import/note.h"
#include "config/model.h"

namespace lb::importer {

// A table of the file. A reference to one stays valid as long as its Draft lives.
class Table {
 public:
  Table(std::string path, bool in_list, Place place)
      : path_(std::move(path)), in_list_(in_list), place_(std::move(place)) {}

  // Each sets a key, or replaces it; `place`: where it comes from, if not from the table's.
  Table& text(std::string_view key, std::string_view value, Place place = {});
  Table& number(std::string_view key, std::int64_t value, Place place = {});
  Table& boolean(std::string_view key, bool value, Place place = {});
  Table& duration(std::string_view key, config::Milliseconds value, Place place = {});
  Table& texts(std::string_view key, const std::vector<std::string>& values, Place place = {});
  // What the operator has to fill in, as "the PCI address of eth0 (lspci)". check refuses it.
  Table& fill_in(std::string_view key, std::string_view what, Place place = {});
  Table& fill_in_list(std::string_view key, std::string_view what, Place place = {});
  void remove(std::string_view key);

  // A comment line above the table, or behind a key, without its "#".
  Table& comment(std::string line);
  Table& comment_on(std::string_view key, std::string text);

  // [path.name], made when it is not there; and a new [[path.name]].
  Table& table(std::string_view name, Place place = {});
  Table& add(std::string_view name, Place place = {});
  // [path.name] with the keys and comments of another one.
  Table& put_table(std::string_view name, const Table& like);

  // The keys that another table has and this one does not, but for those of `without`.
  Table& copy_keys(const Table& like, std::initializer_list<std::string_view> without);

  // As TOML, with its quotes; empty: there is no such key.
  std::string_view value(std::string_view key) const;
  // Of a key that was set as a text; empty: none.
  std::string text_of(std::string_view key) const;
  // Of a key that was set as texts.
  std::vector<std::string> texts_of(std::string_view key) const;
  Place place_of(std::string_view key) const;  // the table's when the key has none or is not there

  struct Key {
    std::string name;
    std::string value;  // TOML
    Place place;
    std::string comment;
    std::vector<std::string> items = {};  // of a list of texts
  };
  const std::string& path() const { return path_; }
  bool in_list() const { return in_list_; }
  const Place& place() const { return place_; }
  const std::vector<Key>& keys() const { return keys_; }
  const std::list<Table>& tables() const { return tables_; }
  std::list<Table>& tables() { return tables_; }
  const std::vector<std::string>& comments() const { return comments_; }

 private:
  Table& raw(std::string_view key, std::string value, Place place);
  std::string child_path(std::string_view name) const;

  std::string path_;
  bool in_list_;
  Place place_;
  std::vector<std::string> comments_;
  std::vector<Key> keys_;
  std::list<Table> tables_;
};

class Draft {
 public:
  Table& director() { return root_.table("director"); }
  Table& dataplane() { return root_.table("dataplane"); }
  Table& ha() { return root_.table("ha"); }
  Table& health() { return root_.table("health"); }
  Table& alert() { return root_.table("alert"); }
  Table& add_port(Place place) { return root_.add("port", std::move(place)); }
  Table& add_route(Place place) { return root_.add("route", std::move(place)); }
  Table& add_service(Place place) { return root_.add("service", std::move(place)); }
  Table& add_instance(Place place) { return ha().add("instance", std::move(place)); }
  Table& root() { return root_; }
  const Table& root() const { return root_; }

  // As a file. `places` gets for each line (from index 1) where it comes from.
  std::string write(std::string_view header, std::vector<Place>& places) const;

 private:
  Table root_{"", false, {}};
};

}  // namespace lb::importer
