#include "dynamodb/transfers.hpp"

#include <curl/curl.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <utility>

#include "dynamodb/curl.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Clock = Transfers::Clock;
using std::chrono::milliseconds;

/// What is asked of epoll for one socket. Kept while a connection idles, so that a request on it costs no call for that.
struct Watched {
  std::uint32_t registered = 0, wanted = 0;
  bool ours = false;  ///< made by open_socket(), and so told of its end
};

struct Sockets {
  explicit Sockets(int e) : epoll(e) {}

  Watched& at(int fd) {
    if (static_cast<std::size_t>(fd) >= watched.size()) watched.resize(static_cast<std::size_t>(fd) + 16);
    return watched[static_cast<std::size_t>(fd)];
  }

  void want(int fd, std::uint32_t events) {
    Watched& one = at(fd);
    one.wanted = events;
    if (events == one.registered || (events == 0 && one.ours)) return;
    set(fd, one, events);
  }

  void set(int fd, Watched& one, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll, events == 0 ? EPOLL_CTL_DEL : one.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    one.registered = events;
  }

  int epoll;
  std::vector<Watched> watched{};
};

curl_socket_t open_socket(void* sockets, curlsocktype, curl_sockaddr* address) {
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  platform::close_in_child(fd);
  static_cast<Sockets*>(sockets)->at(fd) = {0, 0, true};
  return fd;
}

int close_socket(void* sockets, curl_socket_t fd) {
  auto& all = *static_cast<Sockets*>(sockets);
  Watched& one = all.at(fd);
  if (one.registered != 0) all.set(fd, one, 0);
  one = {};
  platform::forget_in_child(fd);
  return ::close(fd);
}

int watch_socket(CURL*, curl_socket_t fd, int what, void* sockets, void*) {
  const std::uint32_t events = what == CURL_POLL_IN      ? std::uint32_t{EPOLLIN}
                               : what == CURL_POLL_OUT   ? std::uint32_t{EPOLLOUT}
                               : what == CURL_POLL_INOUT ? std::uint32_t{EPOLLIN} | EPOLLOUT
                                                         : 0;
  static_cast<Sockets*>(sockets)->want(fd, events);
  return 0;
}

int set_timer(CURLM*, long wait, void* due) {
  auto& at = *static_cast<std::optional<Clock::time_point>*>(due);
  at = wait < 0 ? std::nullopt : std::optional(Clock::now() + milliseconds(wait));
  return 0;
}

/// The value of a header line if it has this name; libcurl gives whole lines.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':' || ::strncasecmp(line.data(), name.data(), name.size()) != 0) return std::nullopt;
  line.remove_prefix(name.size() + 1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  return line;
}

std::size_t take_header(char* bytes, std::size_t, std::size_t size, void* to) {
  auto& reply = *static_cast<Reply*>(to);
  const std::string_view line(bytes, size);
  if (line.starts_with("HTTP/")) {
    reply.crc32.reset();
    reply.date.clear();
  } else if (const auto sum = value_of(line, "x-amz-crc32")) {
    std::uint32_t number = 0;
    if (std::from_chars(sum->data(), sum->data() + sum->size(), number).ec == std::errc()) reply.crc32 = number;
  } else if (const auto date = value_of(line, "date")) {
    reply.date = *date;
  }
  return size;
}

std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* to) {
  auto& reply = *static_cast<Reply*>(to);
  if (size > kLargestReply - std::min(reply.body.size(), kLargestReply)) {
    reply.error = Reply::Error::too_large;
    return 0;
  }
  reply.body.append(bytes, size);
  return size;
}

Reply::Error kind_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return Reply::Error::timeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return Reply::Error::certificate;
    default: return Reply::Error::connection;
  }
}

Reply timeout() {
  Reply reply;
  reply.error = Reply::Error::timeout;
  reply.reason = "no connection was free in time";
  return reply;
}

}  // namespace

/// One easy handle with what belongs to its request.
struct Transfers::Transfer {
  CURL* easy = curl_easy_init();
  curl_slist* headers = nullptr;
  Pending pending{};
  Reply reply{};
  char error[CURL_ERROR_SIZE] = "";

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  ~Transfer() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
  }
};

struct Transfers::Self {
  struct Host {
    std::vector<std::unique_ptr<Transfer>> idle{}, active{};
    std::deque<Pending> waiting{};
  };

  explicit Self(int epoll) : sockets(epoll) {}

  Sockets sockets;
  CURLM* multi = nullptr;
  std::optional<Clock::time_point> timer{};
  std::map<std::pair<std::string, std::string>, Host, std::less<>> hosts{};  ///< by URL and CA bundle
  std::vector<Finished> finished{};
  Clock::time_point expiry = Clock::time_point::max();  ///< no later than the first deadline of those that wait

  std::unique_ptr<Transfer> make(const Server& server);
  void begin(Host& host, Pending pending);
  void end(Host& host, Transfer& transfer, CURLcode code);
  void end_all();
  void start_waiting(Host& host);
  void expire(Clock::time_point now);
};

std::unique_ptr<Transfers::Transfer> Transfers::Self::make(const Server& server) {
  auto transfer = std::make_unique<Transfer>();
  CURL* const easy = transfer->easy;
  if (!easy) return nullptr;
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, server.url.c_str());
  if (!server.ca_bundle.empty()) set(CURLOPT_CAINFO, server.ca_bundle.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(server.connect_limit.count()));
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_POST, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(kLargestReply));
  set(CURLOPT_ERRORBUFFER, transfer->error);
  set(CURLOPT_PRIVATE, static_cast<void*>(transfer.get()));
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&sockets));
  set(CURLOPT_CLOSESOCKETFUNCTION, &close_socket);
  set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&sockets));
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer->reply));
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer->reply));
  return transfer;
}

void Transfers::Self::begin(Host& host, Pending pending) {
  const auto left = std::chrono::duration_cast<milliseconds>(pending.request.deadline - Clock::now());
  if (left.count() <= 0) return finished.push_back({timeout(), std::move(pending.done)});
  std::unique_ptr<Transfer> transfer;
  if (host.idle.empty()) {
    transfer = make(*pending.request.server);
  } else {
    transfer = std::move(host.idle.back());
    host.idle.pop_back();
  }
  if (!transfer) return finished.push_back({{Reply::Error::connection, "libcurl has no memory"}, std::move(pending.done)});
  transfer->pending = std::move(pending);
  const Request& request = transfer->pending.request;
  // Without these two libcurl would send its own Accept, and wait for a 100 before bodies of more than a megabyte.
  curl_slist* headers = curl_slist_append(curl_slist_append(nullptr, "Accept:"), "Expect:");
  std::string line;
  for (const auto& [name, value] : request.headers) {
    headers = curl_slist_append(headers, line.assign(name).append(": ").append(value).c_str());
    transfer->reply.bytes_sent += line.size() + 2;
  }
  transfer->headers = headers;
  curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
  curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, request.body->data());
  curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
  curl_multi_add_handle(multi, transfer->easy);
  host.active.push_back(std::move(transfer));
}

void Transfers::Self::end(Host& host, Transfer& transfer, CURLcode code) {
  Reply& reply = transfer.reply;
  long status = 0, header_bytes = 0;
  curl_off_t sent = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(transfer.easy, CURLINFO_SIZE_UPLOAD_T, &sent);
  curl_easy_getinfo(transfer.easy, CURLINFO_HEADER_SIZE, &header_bytes);
  reply.status = static_cast<int>(status);
  reply.bytes_sent = sent > 0 ? reply.bytes_sent + static_cast<std::uint64_t>(sent) : 0;
  reply.bytes_received = static_cast<std::uint64_t>(header_bytes) + reply.body.size();
  if (code != CURLE_OK) {
    if (code == CURLE_FILESIZE_EXCEEDED) reply.error = Reply::Error::too_large;
    if (reply.error == Reply::Error::none) reply.error = kind_of(code);
    reply.reason = reply.error == Reply::Error::too_large ? "too large reply" : *transfer.error ? transfer.error : curl_easy_strerror(code);
  }
  curl_multi_remove_handle(multi, transfer.easy);
  finished.push_back({std::move(reply), std::move(transfer.pending.done)});
  curl_slist_free_all(std::exchange(transfer.headers, nullptr));
  transfer.reply = {};
  transfer.pending = {};
  transfer.error[0] = '\0';
  const auto at = std::find_if(host.active.begin(), host.active.end(), [&](const auto& one) { return one.get() == &transfer; });
  host.idle.push_back(std::move(*at));
  *at = std::move(host.active.back());
  host.active.pop_back();
}

void Transfers::Self::end_all() {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* pointer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
    auto& transfer = *reinterpret_cast<Transfer*>(pointer);
    const Server& server = *transfer.pending.request.server;
    Host& host = hosts.find(std::pair(server.url, server.ca_bundle))->second;
    end(host, transfer, message->data.result);
    start_waiting(host);
  }
}

void Transfers::Self::start_waiting(Host& host) {
  while (!host.waiting.empty() && host.active.size() < kConnections) {
    Pending next = std::move(host.waiting.front());
    host.waiting.pop_front();
    begin(host, std::move(next));
  }
}

void Transfers::Self::expire(Clock::time_point now) {
  expiry = Clock::time_point::max();
  for (auto& [name, host] : hosts) {
    std::erase_if(host.waiting, [&](Pending& one) {
      if (one.request.deadline > now) return expiry = std::min(expiry, one.request.deadline), false;
      return finished.push_back({timeout(), std::move(one.done)}), true;
    });
  }
}

Transfers::Transfers(int epoll) : self_(std::make_unique<Self>(epoll)) {
  ensure_curl();
  self_->multi = curl_multi_init();
  const auto set = [&](CURLMoption option, auto value) { curl_multi_setopt(self_->multi, option, value); };
  set(CURLMOPT_SOCKETFUNCTION, &watch_socket);
  set(CURLMOPT_SOCKETDATA, static_cast<void*>(&self_->sockets));
  set(CURLMOPT_TIMERFUNCTION, &set_timer);
  set(CURLMOPT_TIMERDATA, static_cast<void*>(&self_->timer));
  set(CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(kConnections));
  set(CURLMOPT_MAXCONNECTS, static_cast<long>(2 * kConnections));
  set(CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
}

Transfers::~Transfers() = default;

void Transfers::start(Pending pending) {
  const Server& server = *pending.request.server;
  auto& host = self_->hosts[std::pair(server.url, server.ca_bundle)];
  if (host.active.size() < kConnections) return self_->begin(host, std::move(pending));
  self_->expiry = std::min(self_->expiry, pending.request.deadline);
  host.waiting.push_back(std::move(pending));
}

void Transfers::ready(int fd, std::uint32_t events) {
  Watched& one = self_->sockets.at(fd);
  if (one.wanted == 0) {  // the server closed a connection that idles: libcurl sees that when it wants it
    if (one.registered != 0) self_->sockets.set(fd, one, 0);
    return;
  }
  const int mask =
      (events & (EPOLLERR | EPOLLHUP)) != 0 ? 0 : ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
  int running = 0;
  curl_multi_socket_action(self_->multi, fd, mask, &running);
}

void Transfers::tick(Clock::time_point now) {
  // libcurl sets the timer anew from within, to begin what was added or for what it looks at later.
  for (int rounds = 0; self_->timer && *self_->timer <= now && rounds < 4; ++rounds) {
    self_->timer.reset();
    int running = 0;
    curl_multi_socket_action(self_->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  if (self_->expiry <= now) self_->expire(now);
}

std::optional<Clock::time_point> Transfers::due() const {
  if (self_->expiry == Clock::time_point::max()) return self_->timer;
  return self_->timer ? std::min(*self_->timer, self_->expiry) : self_->expiry;
}

void Transfers::take(std::vector<Finished>& finished) {
  self_->end_all();
  std::move(self_->finished.begin(), self_->finished.end(), std::back_inserter(finished));
  self_->finished.clear();
}

void Transfers::abandon(std::vector<Finished>& finished) {
  const auto give_up = [&](Pending& one) {
    if (one.done) finished.push_back({{Reply::Error::connection, "the process ends"}, std::move(one.done)});
  };
  std::move(self_->finished.begin(), self_->finished.end(), std::back_inserter(finished));
  self_->finished.clear();
  for (auto& [name, host] : self_->hosts) {
    for (auto& transfer : host.active) give_up(transfer->pending);
    for (auto& one : host.waiting) give_up(one);
    host.waiting.clear();
  }
}

}  // namespace cacherator::engine::dynamodb
