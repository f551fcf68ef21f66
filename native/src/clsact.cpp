// TC programs on a clsact qdisc, for kernels before TCX (6.6). Not a link: the filter stays until it is removed.
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "binding.h"
#include "capture.h"
#include "exports.h"
#include "handle.h"
#include "netlink.h"

namespace {
bpf_tc_attach_point pointOf(uint32_t direction) {
  return direction == 0 ? BPF_TC_INGRESS : BPF_TC_EGRESS;  // as the front has it
}

struct Attached {
  uint32_t handle, priority, programId;
  bool createdQdisc;
};

// clsactAttach(program handle, ifindex, direction 0 | 1, handle, priority, replace):
// Promise<{handle, priority, programId, createdQdisc}>; 0 lets the kernel choose
Napi::Value clsactAttach(const Napi::CallbackInfo& info) {
  const OpenFd program = openFd(info[0], "clsact_attach");
  auto work = [program, ifindex = static_cast<int>(number(info[1])), direction = number(info[2]),
               handle = number(info[3]), priority = number(info[4]), replace = info[5].As<Napi::Boolean>().Value()] {
    const std::string label = program.label + " on ifindex " + std::to_string(ifindex);
    Capture capture;
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = pointOf(direction));
    const int made = bpf_tc_hook_create(&hook);
    const int makeError = errno;
    if (made < 0 && makeError != EEXIST) throw Failure("clsact_create", makeError, label, capture.take());
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program.fd(), .flags = replace ? static_cast<uint32_t>(BPF_TC_F_REPLACE) : 0,
                .handle = handle, .priority = priority);
    const int result = bpf_tc_attach(&hook, &options);
    const int error = errno;
    if (result < 0) {
      if (made == 0) {
        hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
        bpf_tc_hook_destroy(&hook);
      }
      throw Failure("clsact_attach", error, label, capture.take());
    }
    return Attached{options.handle, options.priority, options.prog_id, made == 0};
  };
  return Task<Attached>::run(info.Env(), "clsactAttach", std::move(work), [](Napi::Env env, Attached& attached) {
    auto result = Napi::Object::New(env);
    result.Set("handle", attached.handle);
    result.Set("priority", attached.priority);
    result.Set("programId", attached.programId);
    result.Set("createdQdisc", attached.createdQdisc);
    return result;
  });
}

struct Filter {
  uint32_t handle, priority, programId;
  std::string kind, name;
};

// All filters of one direction, of any kind (struct tcmsg, then TCA_*).
std::vector<Filter> listFilters(uint32_t ifindex, uint32_t direction) {
  NetlinkMessage message(RTM_GETTFILTER, NLM_F_REQUEST | NLM_F_DUMP);
  tcmsg request = {};
  request.tcm_family = AF_UNSPEC;
  request.tcm_ifindex = static_cast<int>(ifindex);
  request.tcm_parent = TC_H_MAKE(TC_H_CLSACT, direction == 0 ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
  message.append(&request, sizeof(request));
  std::vector<Filter> filters;
  netlinkRequest(NETLINK_ROUTE, std::move(message), "clsact_query", [&](std::span<const uint8_t> payload) {
    const auto answer = readAs<tcmsg>(payload);
    if (answer.tcm_handle == 0 || payload.size() < sizeof(tcmsg)) return;  // a chain's head, not a filter
    const auto attributes = payload.subspan(sizeof(tcmsg));
    const auto kind = findAttribute(attributes, TCA_KIND);
    const auto options = findAttribute(attributes, TCA_OPTIONS);
    const auto name = findAttribute(options, TCA_BPF_NAME);
    const auto textOf = [](std::span<const uint8_t> bytes) {
      return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.empty() ? 0 : bytes.size() - 1);
    };
    const uint32_t programId = readAs<uint32_t>(findAttribute(options, TCA_BPF_ID));
    std::string program = textOf(name);  // libbpf calls a filter "name:[id]"
    const size_t suffix = program.rfind(":[" + std::to_string(programId) + "]");
    if (suffix != program.npos) program.resize(suffix);
    filters.push_back({answer.tcm_handle, answer.tcm_info >> 16, programId, textOf(kind), program});
  });
  return filters;
}

// clsactDetach(ifindex, direction, handle, priority, program id | 0, remove the qdisc when it is empty):
// Promise<whether the qdisc went>. A filter that is gone, or carries another program, is left and ENOENT.
Napi::Value clsactDetach(const Napi::CallbackInfo& info) {
  auto work = [ifindex = number(info[0]), direction = number(info[1]), handle = number(info[2]),
               priority = number(info[3]), programId = number(info[4]),
               removeQdisc = info[5].As<Napi::Boolean>().Value()] {
    const std::string label = "ifindex " + std::to_string(ifindex);
    bool found = false;
    for (const Filter& filter : listFilters(ifindex, direction))
      found |= filter.handle == handle && filter.priority == priority && (programId == 0 || filter.programId == programId);
    if (!found) throw Failure("clsact_detach", ENOENT, label, "no such filter");
    Capture capture;
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = pointOf(direction));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = handle, .priority = priority);
    const int result = bpf_tc_detach(&hook, &options);
    const int error = errno;
    if (result < 0) throw Failure("clsact_detach", error, label, capture.take());
    if (!removeQdisc || !listFilters(ifindex, 0).empty() || !listFilters(ifindex, 1).empty()) return false;
    hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
    const int destroyed = bpf_tc_hook_destroy(&hook);
    check(destroyed, "clsact_destroy", label, capture.take());
    return true;
  };
  return Task<bool>::run(info.Env(), "clsactDetach", std::move(work), [](Napi::Env env, bool& gone) {
    return Napi::Boolean::New(env, gone);
  });
}

// clsactQuery(ifindex, direction): [{handle, priority, programId, kind, name}]
Napi::Value clsactQuery(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto list = Napi::Array::New(env);
  for (const Filter& filter : listFilters(number(info[0]), number(info[1]))) {
    auto entry = Napi::Object::New(env);
    entry.Set("handle", filter.handle);
    entry.Set("priority", filter.priority);
    entry.Set("programId", filter.programId);
    entry.Set("kind", filter.kind);
    entry.Set("name", filter.name);
    list.Set(list.Length(), entry);
  }
  return list;
}
}  // namespace

void exportClsact(Napi::Object exports) {
  expose<clsactAttach>(exports, "clsactAttach");
  expose<clsactDetach>(exports, "clsactDetach");
  expose<clsactQuery>(exports, "clsactQuery");
}
