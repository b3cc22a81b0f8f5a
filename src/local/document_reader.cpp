#include <array>
#include <cmath>
#include <map>

#include "cacherator/detail/text.hpp"
#include "local/dates.hpp"
#include "local/document.hpp"
#include "local/json_scanner.hpp"
#include "local/json_text.hpp"
#include "local/members.hpp"

namespace cacherator::engine {
namespace {

/// The JSON text of a call's tokens: hex digits and points between quotes.
bool is_tokens(std::string_view raw) {
  return raw.size() > 2 && raw.front() == '"' && raw.substr(1, raw.size() - 2).find_first_not_of("0123456789abcdef.") == std::string_view::npos;
}

class Reader {
 public:
  explicit Reader(std::shared_ptr<const std::string> text) : document_(std::make_shared<Document>()), text_(*text), scanner_(text_) {
    document_->text = std::move(text);
  }

  std::shared_ptr<const Document> read() {
    if (!is_utf8(text_)) damaged(0, "the text is not UTF-8");
    if (!scanner_.take('{')) {
      damaged(scanner_.at(), "the document is not a JSON object");
      return document_;
    }
    while (!top_level() && find_key()) {
    }
    if (!has_entries_ && document_->damage.empty()) damaged(0, "there is no '_json_cache_func_cache'");
    finish_state();
    return document_;
  }

 private:
  void damaged(std::size_t offset, std::string what) {
    constexpr std::size_t kMost = 1000;  // more are not told
    if (document_->damage.size() < kMost) document_->damage.push_back({offset, std::move(what)});
  }
  static std::string shown(std::string_view name) { return name.size() > 100 ? std::string(name.substr(0, 100)) + "..." : std::string(name); }

  /// True: to the document's end. False: its frame is broken, or a value; what comes behind is to be found.
  bool top_level() {
    if (scanner_.take('}')) return true;
    do {
      std::string_view key;
      bool escaped;
      if (!scanner_.string(key, escaped) || !scanner_.take(':')) return lost();
      if (key == "_json_cache_func_cache") {
        has_entries_ = true;
        if (!entries()) return lost();
        continue;
      }
      const auto value = scanner_.value(1);
      if (!value) {
        damaged(scanner_.at(), "the value of '" + shown(key) + "' is not JSON");
        return false;
      }
      member(key, *value);
    } while (scanner_.take(','));
    if (!scanner_.take('}')) return lost();
    scanner_.skip_space();
    if (!scanner_.at_end()) damaged(scanner_.at(), "there is text behind the document's end");
    return true;
  }

  bool lost() {
    damaged(scanner_.at(), "the document is cut or broken");
    return false;
  }

  /// Goes to the next top-level key that can be found.
  bool find_key() {
    for (std::string_view& key : keys_) {  // one that is not found is looked for once: what it takes grows with the text only
      const auto found = key.empty() ? std::string_view::npos : text_.find(key, scanner_.at());
      if (found == std::string_view::npos) {
        key = {};
        continue;
      }
      scanner_.go_to(found);
      return true;
    }
    return false;
  }

  void member(std::string_view key, std::string_view value) {
    if (key == "_cacherator") {
      header(value);
    } else if (key == "_json_cache_last_save_date") {
      const auto text = text_of(value);
      const auto saved = text ? parse_local_date(*text) : std::nullopt;
      if (saved) document_->saved = *saved;
      if (!saved && value != "null") damaged(offset_of(value), "the save date " + shown(value) + " is not a date");
    } else if (key == "_json_cache_variable_cache") {
      variables_ = value;
    }
  }

  void header(std::string_view value) {
    Members m;
    if (!m.read(value)) return damaged(offset_of(value), "the header '_cacherator' is not an object");
    DocumentHeader& h = document_->header;
    document_->ours = true;
    h.format = m.version("format");
    h.data_id = m.text("data_id").value_or("");
    h.clock = m.count("clock");
    if (auto cleared = m.raw("cleared")) h.cleared = read_cleared(*cleared);
    for_each(m.raw("folded"), [&](std::string_view id) { h.folded.push_back(text_of(id).value_or("")); });
    for_each(m.raw("carried"), [&](std::string_view line) { h.carried.push_back(text_of(line).value_or("")); });
    if (Members tables; m.raw("l2") && tables.read(*m.raw("l2"))) {
      for (const auto& [table, known] : tables) {
        if (Members members; !known_table(table).empty() && members.read(known)) h.tables[std::string(table)] = read_table(members);
      }
    }
    if (auto marks = m.raw("state"); !marks || !marks_.read(*marks)) marks_ = {};
  }

  template <class Visit>
  static void for_each(std::optional<std::string_view> array, Visit visit) {
    if (!array) return;
    JsonScanner scanner(*array);
    if (!scanner.take('[') || scanner.take(']')) return;
    do {
      if (auto value = scanner.value(2)) visit(*value);
    } while (scanner.take(','));
  }

  /// The object of entries; a damaged entry is reported, and reading goes on at the next line that begins one.
  bool entries() {
    if (!scanner_.take('{')) return false;
    if (scanner_.take('}')) return true;
    for (;;) {
      if (!entry()) {
        damaged(scanner_.at(), last_signature_.empty() ? "an entry is broken" : "the entry behind '" + shown(last_signature_) + "' is broken");
        if (!next_entry()) return false;
        continue;
      }
      const bool more = scanner_.take(',');
      if (scanner_.take('}')) return true;  // also behind a comma: the last line was taken out by hand
      if (more) continue;
      damaged(scanner_.at(), "there is no comma behind entry '" + shown(last_signature_) + "'");
      if (!next_entry()) return false;
    }
  }

  /// Our entries begin their line with a quote, those of 1.2.9 with eight spaces and a quote.
  bool next_entry() {
    if (scanner_.at() < no_entry_before_) return false;  // looked for once: what it takes grows with the text only
    for (auto line = text_.find('\n', scanner_.at()); line != std::string_view::npos; line = text_.find('\n', line + 1)) {
      auto rest = text_.substr(line + 1);
      if (rest.starts_with("\"_json_cache_") || rest.starts_with("    \"_json_cache_")) {
        no_entry_before_ = line;
        return false;
      }
      if (!rest.starts_with("\"") && !rest.starts_with("        \"")) continue;
      scanner_.go_to(line + 1);
      return true;
    }
    no_entry_before_ = std::string_view::npos;
    return false;
  }

  bool entry() {
    std::string_view raw;
    bool escaped;
    if (!scanner_.string(raw, escaped) || !scanner_.take(':')) return false;
    const auto body = scanner_.value(2);
    if (!body) return false;
    if (escaped) {
      auto& text = document_->texts.emplace_back();
      append_unescaped(text, raw);
      raw = text;
    }
    last_signature_ = raw;
    accept(raw, *body);
    return true;
  }

  void accept(std::string_view signature, std::string_view body) {
    const auto keep_as_it_is = [&] { document_->odd.emplace_back(signature, body); };
    if (!entry_members_.read(body)) return keep_as_it_is();
    const auto value = entry_members_.raw("value");
    if (!value) return keep_as_it_is();
    DocumentEntry e{.signature = signature, .value = *value, .ttl = std::nan("")};
    if (const auto in = entry_members_.raw("in"); in && in->size() == 10) e.in = known_table(in->substr(1, 8));
    if (const auto utc = entry_members_.time("utc")) {
      e.utc = *utc;
      e.ttl = entry_members_.number("ttl").value_or(std::nan(""));
      e.under = entry_members_.count("under");
      if (const auto tokens = entry_members_.raw("tokens"); tokens && is_tokens(*tokens)) e.tokens = tokens->substr(1, tokens->size() - 2);
      if (const auto digest = entry_members_.raw("sha256"); digest && digest->size() == 66) e.digest = digest->substr(1, 64);
    } else {
      const auto date = entry_members_.text("date");
      const auto local = date ? parse_local_date(*date) : std::nullopt;
      if (!local) return keep_as_it_is();
      e.utc = *local;
      e.plain = true;
    }
    document_->entries.push_back(e);
  }

  void finish_state() {
    if (variables_.empty()) return;
    Members variables;
    if (!variables.read(variables_)) return damaged(offset_of(variables_), "'_json_cache_variable_cache' is not an object");
    std::map<std::string_view, std::string_view> marks;
    for (const auto& [raw, value] : marks_) marks[raw] = value;
    for (const auto& [raw, value] : variables) {
      Variable v{.value = std::string(value), .utc = document_->saved};
      append_unescaped(v.name, raw);
      Members mark;
      if (const auto found = marks.find(raw); found != marks.end() && mark.read(found->second)) {
        v.utc = mark.time("utc").value_or(v.utc);
      } else {
        v.plain = true;
      }
      document_->state.push_back(std::move(v));
    }
  }

  std::size_t offset_of(std::string_view part) const { return static_cast<std::size_t>(part.data() - text_.data()); }

  std::shared_ptr<Document> document_;
  std::string_view text_;
  JsonScanner scanner_;
  Members marks_, entry_members_;
  std::string_view variables_;
  std::string_view last_signature_;
  std::array<std::string_view, 3> keys_{"\"_json_cache_func_cache\":", "\"_json_cache_last_save_date\":", "\"_json_cache_variable_cache\":"};
  bool has_entries_ = false;
  std::size_t no_entry_before_ = 0;
};

}  // namespace

std::shared_ptr<const Document> read_document(std::shared_ptr<const std::string> text) { return Reader(std::move(text)).read(); }

}  // namespace cacherator::engine
