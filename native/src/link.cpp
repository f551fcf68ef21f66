// BPF links: an attachment that lives as long as a descriptor or a pin. Creating, updating and detaching take the
// rtnl lock (8 to 16 ms for XDP) and run on a worker.
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>

#include "binding.h"
#include "exports.h"
#include "handle.h"

namespace {
Napi::Value nothing(Napi::Env env, int&) { return env.Undefined(); }

// linkCreate(program handle, ifindex, attach type, flags, label): Promise<handle>. The attach types of TCX (46, 47)
// are unknown to libbpf 1.1, which passes them on as they are.
Napi::Value linkCreate(const Napi::CallbackInfo& info) {
  const OpenFd program = openFd(info[0], "attach");
  auto work = [program, ifindex = number(info[1]), type = number(info[2]), flags = number(info[3]),
               label = text(info[4])] {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    const int fd = bpf_link_create(program.fd(), static_cast<int>(ifindex), static_cast<bpf_attach_type>(type), &options);
    return UniqueFd(check(fd, "attach", label));
  };
  return Task<UniqueFd>::run(info.Env(), "linkCreate", std::move(work),
                             [label = text(info[4])](Napi::Env env, UniqueFd& fd) {
                               auto handle = std::make_unique<FdHandle>();
                               handle->fd = std::make_shared<UniqueFd>(std::move(fd));
                               handle->label = label;
                               return wrapHandle(env, std::move(handle));
                             });
}

// linkUpdate(handle, program handle, expected old program handle | null): Promise<void>
Napi::Value linkUpdate(const Napi::CallbackInfo& info) {
  const OpenFd link = openFd(info[0], "link_update");
  const OpenFd program = openFd(info[1], "link_update");
  OpenFd old;
  if (info[2].IsExternal()) old = openFd(info[2], "link_update");
  auto work = [link, program, old] {
    LIBBPF_OPTS(bpf_link_update_opts, options);
    if (old.owner) {
      options.flags = BPF_F_REPLACE;
      options.old_prog_fd = static_cast<uint32_t>(old.fd());
    }
    return check(bpf_link_update(link.fd(), program.fd(), &options), "link_update", link.label);
  };
  return Task<int>::run(info.Env(), "linkUpdate", std::move(work), nothing);
}

// linkDetach(handle): Promise<void>; the link stays as a shell without effect
Napi::Value linkDetach(const Napi::CallbackInfo& info) {
  const OpenFd link = openFd(info[0], "link_detach");
  auto work = [link] { return check(bpf_link_detach(link.fd()), "link_detach", link.label); };
  return Task<int>::run(info.Env(), "linkDetach", std::move(work), nothing);
}

// linkInfo(handle): {type, id, programId, ifindex, attachType}. Layout of bpf_link_info: type, id, prog_id, padding,
// then at 16 xdp.ifindex, or tcx.ifindex and tcx.attach_type.
Napi::Value linkInfo(const Napi::CallbackInfo& info) {
  const OpenFd link = openFd(info[0], "link_info");
  uint32_t words[64] = {};
  uint32_t length = sizeof(words);
  check(bpf_obj_get_info_by_fd(link.fd(), words, &length), "link_info", link.label);
  auto result = Napi::Object::New(info.Env());
  result.Set("type", words[0]);
  result.Set("id", words[1]);
  result.Set("programId", words[2]);
  result.Set("ifindex", words[4]);
  result.Set("attachType", words[5]);
  return result;
}

// The part of union bpf_attr that BPF_PROG_QUERY has had since 6.6.
struct ProgramQuery {
  uint32_t ifindex, attachType, queryFlags, attachFlags;
  uint64_t programIds;
  uint32_t count, pad;
  uint64_t programAttachFlags, linkIds, linkAttachFlags, revision;
};

// tcxQuery(ifindex, attach type): [{programId, linkId}] in the order they run; EINVAL before 6.6
Napi::Value tcxQuery(const Napi::CallbackInfo& info) {
  uint32_t programs[64] = {}, links[64] = {};
  ProgramQuery query = {};
  query.ifindex = number(info[0]);
  query.attachType = number(info[1]);
  query.programIds = reinterpret_cast<uint64_t>(programs);
  query.linkIds = reinterpret_cast<uint64_t>(links);
  query.count = 64;
  check(static_cast<int>(syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof(query))), "tcx_query",
        "ifindex " + std::to_string(query.ifindex));
  auto list = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < query.count && i < 64; i++) {
    auto entry = Napi::Object::New(info.Env());
    entry.Set("programId", programs[i]);
    entry.Set("linkId", links[i]);
    list.Set(i, entry);
  }
  return list;
}
}  // namespace

void exportLink(Napi::Object exports) {
  expose<linkCreate>(exports, "linkCreate");
  expose<linkUpdate>(exports, "linkUpdate");
  expose<linkDetach>(exports, "linkDetach");
  expose<linkInfo>(exports, "linkInfo");
  expose<tcxQuery>(exports, "tcxQuery");
}
