// Handles of any kind: from a pin or an id, closed, duplicated, pinned; BTF by handle.
#include "handle.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fcntl.h>

#include "binding.h"
#include "exports.h"

namespace {
// fdClose(handle): harmless when closed already
Napi::Value fdClose(const Napi::CallbackInfo& info) {
  unwrapHandle<FdHandle>(info[0]).fd.reset();
  return info.Env().Undefined();
}

// fdIsOpen(handle)
Napi::Value fdIsOpen(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), unwrapHandle<FdHandle>(info[0]).fd != nullptr);
}

// fdNumber(handle): the descriptor itself, for tests and for passing to other programs
Napi::Value fdNumber(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), openFd(info[0], "fd").fd());
}

// fdDuplicate(handle)
Napi::Value fdDuplicate(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "duplicate");
  return wrapFd(info.Env(), check(fcntl(open.fd(), F_DUPFD_CLOEXEC, 3), "duplicate", open.label), open.label);
}

// fdKind(handle): "map", "prog", "link", "btf" or "other", by the name of its anonymous inode
Napi::Value fdKind(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "kind");
  char target[64] = {};
  const std::string path = "/proc/self/fd/" + std::to_string(open.fd());
  check(static_cast<int>(readlink(path.c_str(), target, sizeof(target) - 1)), "readlink", open.label);
  const std::string name = target;
  const char* kind = name.find("bpf-map") != name.npos    ? "map"
                     : name.find("bpf-prog") != name.npos ? "prog"
                     : name.find("link") != name.npos ? "link"
                     : name.find("btf") != name.npos      ? "btf"
                                                          : "other";
  return Napi::String::New(info.Env(), kind);
}

// fdPin(handle, path)
Napi::Value fdPin(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "pin");
  const std::string path = text(info[1]);
  check(bpf_obj_pin(open.fd(), path.c_str()), "pin", path);
  return info.Env().Undefined();
}

// fdOpenPinned(path, fileFlags): BPF_F_RDONLY 8, BPF_F_WRONLY 16
Napi::Value fdOpenPinned(const Napi::CallbackInfo& info) {
  const std::string path = text(info[0]);
  LIBBPF_OPTS(bpf_obj_get_opts, options, .file_flags = number(info[1]));
  return wrapFd(info.Env(), check(bpf_obj_get_opts(path.c_str(), &options), "open_pinned", path), path);
}

// fdById(kind, id)
Napi::Value fdById(const Napi::CallbackInfo& info) {
  const std::string kind = text(info[0]);
  const uint32_t id = number(info[1]);
  const std::string label = kind + " " + std::to_string(id);
  const int fd = kind == "map"    ? bpf_map_get_fd_by_id(id)
                 : kind == "prog" ? bpf_prog_get_fd_by_id(id)
                 : kind == "link" ? bpf_link_get_fd_by_id(id)
                                  : bpf_btf_get_fd_by_id(id);
  return wrapFd(info.Env(), check(fd, "open_by_id", label), label);
}

// nextId(kind, id): the next id in the kernel after `id`, or null
Napi::Value nextId(const Napi::CallbackInfo& info) {
  const std::string kind = text(info[0]);
  const uint32_t id = number(info[1]);
  uint32_t next = 0;
  const int result = kind == "map"    ? bpf_map_get_next_id(id, &next)
                     : kind == "prog" ? bpf_prog_get_next_id(id, &next)
                     : kind == "link" ? bpf_link_get_next_id(id, &next)
                                      : bpf_btf_get_next_id(id, &next);
  if (result < 0 && errno == ENOENT) return info.Env().Null();
  check(result, "next_id", kind);
  return Napi::Number::New(info.Env(), next);
}

// btfBytes(handle): the raw BTF of a BTF handle
Napi::Value btfBytes(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "btf_info");
  bpf_btf_info btf = {};
  uint32_t length = sizeof(btf);
  check(bpf_obj_get_info_by_fd(open.fd(), &btf, &length), "btf_info", open.label);
  Bytes bytes(btf.btf_size);
  btf = {};
  btf.btf = reinterpret_cast<uint64_t>(bytes.data());
  btf.btf_size = static_cast<uint32_t>(bytes.size());
  length = sizeof(btf);
  check(bpf_obj_get_info_by_fd(open.fd(), &btf, &length), "btf_info", open.label);
  return newBytes(info.Env(), bytes.data(), bytes.size());
}
}  // namespace

void exportHandles(Napi::Object exports) {
  expose<fdClose>(exports, "fdClose");
  expose<fdIsOpen>(exports, "fdIsOpen");
  expose<fdNumber>(exports, "fdNumber");
  expose<fdDuplicate>(exports, "fdDuplicate");
  expose<fdKind>(exports, "fdKind");
  expose<fdPin>(exports, "fdPin");
  expose<fdOpenPinned>(exports, "fdOpenPinned");
  expose<fdById>(exports, "fdById");
  expose<nextId>(exports, "nextId");
  expose<btfBytes>(exports, "btfBytes");
}
