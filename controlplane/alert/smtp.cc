#include "controlplane/alert/smtp.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <set>
#include <string_view>

namespace lb::controlplane::alert {

struct Smtp::Impl {
  Impl() : multi(curl_multi_init()) {}
  ~Impl() {
    end();
    curl_multi_cleanup(multi);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void end();
  static int on_open(void* self, curl_socket_t socket, curlsocktype purpose);
  static int on_close(void* self, curl_socket_t socket);
  static int on_debug(CURL* handle, curl_infotype type, char* data, std::size_t size, void* self);
  static std::size_t on_read(char* to, std::size_t size, std::size_t count, void* self);

  CURLM* multi;
  CURL* easy = nullptr;
  curl_slist* recipients = nullptr;
  std::array<char, CURL_ERROR_SIZE> error{};
  Mail mail;
  std::size_t read = 0;
  SmtpTalk talk;

  std::mutex mutex;  // of these two, for abort()
  std::set<curl_socket_t> sockets;
  bool aborted = false;
};

int Smtp::Impl::on_open(void* self, curl_socket_t socket, curlsocktype /*purpose*/) {
  Impl& me = *static_cast<Impl*>(self);
  const std::lock_guard lock(me.mutex);
  if (me.aborted) return CURL_SOCKOPT_ERROR;
  me.sockets.insert(socket);
  return CURL_SOCKOPT_OK;
}

int Smtp::Impl::on_close(void* self, curl_socket_t socket) {
  Impl& me = *static_cast<Impl*>(self);
  const std::lock_guard lock(me.mutex);
  me.sockets.erase(socket);
  return ::close(socket);
}

void Smtp::Impl::end() {
  if (easy == nullptr) return;
  curl_multi_remove_handle(multi, easy);
  curl_easy_cleanup(easy);
  curl_slist_free_all(recipients);
  easy = nullptr;
  recipients = nullptr;
}

int Smtp::Impl::on_debug(CURL*, curl_infotype type, char* data, std::size_t size, void* self) {
  if (type == CURLINFO_HEADER_OUT) static_cast<Impl*>(self)->talk.sent({data, size});
  if (type == CURLINFO_HEADER_IN) static_cast<Impl*>(self)->talk.received({data, size});
  return 0;
}

std::size_t Smtp::Impl::on_read(char* to, std::size_t size, std::size_t count, void* self) {
  auto& me = *static_cast<Impl*>(self);
  const std::size_t taken = me.mail.text.copy(to, size * count, me.read);
  me.read += taken;
  return taken;
}

Smtp::Smtp() : impl_(std::make_unique<Impl>()) {}
Smtp::~Smtp() = default;

bool Smtp::busy() const {
  return impl_->easy != nullptr;
}

void Smtp::wake() {
  curl_multi_wakeup(impl_->multi);
}

void Smtp::abort() {
  const std::lock_guard lock(impl_->mutex);
  impl_->aborted = true;
  for (const curl_socket_t socket : impl_->sockets) ::shutdown(socket, SHUT_RDWR);
}

void Smtp::begin(const config::AlertMail& config, const std::string& password, const Mail& mail,
                 bool more) {
  Impl& me = *impl_;
  me.mail = mail;
  me.read = 0;
  me.talk = SmtpTalk(mail.to.size());
  me.error[0] = '\0';
  me.easy = curl_easy_init();
  for (const std::string& to : mail.to) {
    me.recipients = curl_slist_append(me.recipients, ('<' + to + '>').c_str());
  }
  const auto set = [&me](CURLoption option, auto value) {
    curl_easy_setopt(me.easy, option, value);
  };
  const bool tls = config.tls == config::MailTls::kTls;
  set(CURLOPT_URL,
      fmt::format("{}://{}", tls ? "smtps" : "smtp", config.server.to_string()).c_str());
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_PROXY, "");  // no proxy from the environment
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_SOCKOPTFUNCTION, &Impl::on_open);
  set(CURLOPT_SOCKOPTDATA, &me);
  set(CURLOPT_CLOSESOCKETFUNCTION, &Impl::on_close);
  set(CURLOPT_CLOSESOCKETDATA, &me);
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(config.timeout.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(config.timeout.count()));
  set(CURLOPT_SERVER_RESPONSE_TIMEOUT, static_cast<long>(config.timeout.count() / 1000));
  set(CURLOPT_USE_SSL,
      static_cast<long>(config.tls == config::MailTls::kNone ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, config.tls_verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, config.tls_verify ? 2L : 0L);
  if (!config.tls_ca_file.empty()) set(CURLOPT_CAINFO, config.tls_ca_file.c_str());
  if (!config.user.empty()) {
    set(CURLOPT_USERNAME, config.user.c_str());
    set(CURLOPT_PASSWORD, password.c_str());
  }
  set(CURLOPT_FORBID_REUSE, more ? 0L : 1L);
  set(CURLOPT_MAIL_FROM, ('<' + mail.from + '>').c_str());
  set(CURLOPT_MAIL_RCPT, me.recipients);
  set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(mail.text.size()));
  set(CURLOPT_READFUNCTION, &Impl::on_read);
  set(CURLOPT_READDATA, &me);
  set(CURLOPT_ERRORBUFFER, me.error.data());
  // The dialogue itself: which recipient was refused, and the server's text.
  set(CURLOPT_VERBOSE, 1L);
  set(CURLOPT_DEBUGFUNCTION, &Impl::on_debug);
  set(CURLOPT_DEBUGDATA, &me);
  curl_multi_add_handle(me.multi, me.easy);
}

std::optional<Sent> Smtp::run(std::chrono::milliseconds limit) {
  Impl& me = *impl_;
  int running = 0;
  curl_multi_perform(me.multi, &running);
  if (!busy() || running > 0) {
    curl_multi_poll(me.multi, nullptr, 0, static_cast<int>(limit.count()), nullptr);
    curl_multi_perform(me.multi, &running);
  }
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(me.multi, &left)) {
    if (message->msg != CURLMSG_DONE || message->easy_handle != me.easy) continue;
    const CURLcode result = message->data.result;
    const char* const why = me.error[0] != '\0' ? me.error.data() : curl_easy_strerror(result);
    Sent sent = result == CURLE_OK ? me.talk.success() : me.talk.failure(why);
    me.end();
    return sent;
  }
  return std::nullopt;
}

}  // namespace lb::controlplane::alert
