// What JavaScript holds: a file descriptor or a bpf_object, owned by shared_ptr so that work on another thread keeps
// it alive after close().
#pragma once
#include <bpf/libbpf.h>
#include <napi.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "failure.h"

class UniqueFd {
 public:
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// A map, program, link or BTF in the kernel. `label` names it in errors.
struct FdHandle {
  static constexpr uint32_t kMagic = 0x6664ba55;
  uint32_t magic = kMagic;
  std::shared_ptr<UniqueFd> fd;
  std::string label;
};

// An object file. `busy` while a worker loads it: nobody else may touch it then.
struct ObjectHandle {
  static constexpr uint32_t kMagic = 0x6f62ba55;
  uint32_t magic = kMagic;
  std::shared_ptr<bpf_object> object;
  std::shared_ptr<std::atomic<bool>> busy = std::make_shared<std::atomic<bool>>(false);
  std::string label;
};

template <typename Handle>
Napi::Value wrapHandle(Napi::Env env, std::unique_ptr<Handle> handle) {
  auto external = Napi::External<Handle>::New(env, handle.get(), [](Napi::Env, Handle* dead) { delete dead; });
  handle.release();
  return external;
}

template <typename Handle>
Handle& unwrapHandle(const Napi::Value& value) {
  if (!value.IsExternal()) throw Napi::TypeError::New(value.Env(), "a native handle is expected");
  Handle* handle = value.As<Napi::External<Handle>>().Data();
  if (handle->magic != Handle::kMagic) throw Napi::TypeError::New(value.Env(), "a native handle of another kind");
  return *handle;
}

// Takes ownership of `fd`.
inline Napi::Value wrapFd(Napi::Env env, int fd, std::string label) {
  auto handle = std::make_unique<FdHandle>();
  handle->fd = std::make_shared<UniqueFd>(fd);
  handle->label = std::move(label);
  return wrapHandle(env, std::move(handle));
}

// An open handle, or Failure with kClosed.
struct OpenFd {
  std::shared_ptr<UniqueFd> owner;
  std::string label;
  int fd() const { return owner->get(); }
};
inline OpenFd openFd(const Napi::Value& value, const char* op) {
  FdHandle& handle = unwrapHandle<FdHandle>(value);
  if (!handle.fd) throw Failure(op, kClosed, handle.label);
  return {handle.fd, handle.label};
}
