#include "local/dates.hpp"
#include "local/document.hpp"
#include "local/json_text.hpp"

namespace cacherator::engine {

DocumentWriter::DocumentWriter(const DocumentHeader& header, const std::vector<Variable>& state) {
  text_ += "{\"_cacherator\": {\"format\": 1, \"data_id\": ";
  append_json(text_, header.data_id);
  const auto list = [&](const char* name, const std::vector<std::string>& texts) {
    ((text_ += ", \"") += name) += "\": [";
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (i) text_ += ", ";
      append_json(text_, texts[i]);
    }
    text_ += ']';
  };
  list("folded", header.folded);
  text_ += ", \"cleared\": ";
  append_cleared(text_, header.cleared, " ");
  text_ += ", \"clock\": ";
  append_number(text_, header.clock);
  text_ += ", \"state\": {";
  bool first = true;
  for (const auto& variable : state) {
    if (variable.plain) continue;
    if (!first) text_ += ", ";
    first = false;
    append_json(text_, variable.name);
    text_ += ": {\"utc\": ";
    append_seconds(text_, variable.utc);
    text_ += '}';
  }
  text_ += '}';
  list("carried", header.carried);
  if (!header.tables.empty()) {
    text_ += ", \"l2\": {";
    first = true;
    for (const auto& [table, known] : header.tables) {
      if (!first) text_ += ", ";
      first = false;
      append_json(text_, table);
      text_ += ": {";
      append_table(text_, known.tokens, known.pending, " ");
      text_ += '}';
    }
    text_ += '}';
  }
  text_ += "},\n\"_json_cache_func_cache\": {";
}

void DocumentWriter::begin_entry(std::string_view signature) {
  text_ += first_ ? "\n" : ",\n";
  first_ = false;
  append_json(text_, signature);
  text_ += ": ";
}

void DocumentWriter::entry(const DocumentEntry& entry) {
  begin_entry(entry.signature);
  text_ += "{\"value\": ";
  append_one_line(text_, entry.value);
  text_ += ", \"date\": \"";
  append_local_date(text_, entry.utc);
  text_ += '"';
  if (!entry.plain) {
    text_ += ", \"utc\": ";
    append_seconds(text_, entry.utc);
    if (entry.ttl == entry.ttl) {
      text_ += ", \"ttl\": ";
      append_days(text_, entry.ttl);
    }
    text_ += ", \"under\": ";
    append_number(text_, entry.under);
    if (!entry.digest.empty()) ((text_ += ", \"sha256\": \"") += entry.digest) += '"';
    if (!entry.tokens.empty()) ((text_ += ", \"tokens\": \"") += entry.tokens) += '"';
  }
  if (!entry.in.empty()) ((text_ += ", \"in\": \"") += entry.in) += '"';
  text_ += '}';
}

void DocumentWriter::odd_entry(std::string_view signature, std::string_view json) {
  begin_entry(signature);
  append_one_line(text_, json);
}

std::string DocumentWriter::finish(const std::vector<Variable>& state, Time saved) {
  text_ += first_ ? "},\n" : "\n},\n";
  text_ += "\"_json_cache_last_save_date\": ";
  if (saved) {
    text_ += '"';
    append_local_date(text_, saved);
    text_ += '"';
  } else {
    text_ += "null";
  }
  text_ += ",\n\"_json_cache_variable_cache\": {";
  for (std::size_t i = 0; i < state.size(); ++i) {
    text_ += i ? ",\n" : "\n";
    append_json(text_, state[i].name);
    text_ += ": ";
    append_one_line(text_, state[i].value);
  }
  text_ += state.empty() ? "}}\n" : "\n}}\n";
  return std::move(text_);
}

}  // namespace cacherator::engine
