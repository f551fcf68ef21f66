// Network interfaces: names and indexes, what XDP program they carry, what XDP features the driver has.
#include <bpf/libbpf.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <net/if.h>

#include "binding.h"
#include "exports.h"
#include "netlink.h"

namespace {
// The generic netlink family "netdev" (Linux 6.3, Documentation/netlink/specs/netdev.yaml), absent from older headers.
constexpr uint8_t kNetdevDevGet = 1;
constexpr uint16_t kNetdevIfindex = 1, kNetdevXdpFeatures = 3;

// nameToIndex(name): 0 where there is none
Napi::Value nameToIndex(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), if_nametoindex(text(info[0]).c_str()));
}

// indexToName(ifindex): null where there is none
Napi::Value indexToName(const Napi::CallbackInfo& info) {
  char name[IF_NAMESIZE] = {};
  if (if_indextoname(number(info[0]), name) == nullptr) return info.Env().Null();
  return Napi::String::New(info.Env(), name);
}

// xdpQuery(ifindex): {attachMode, programId, nativeId, genericId, offloadId}; attachMode is XDP_ATTACHED_*
Napi::Value xdpQuery(const Napi::CallbackInfo& info) {
  const int ifindex = static_cast<int>(number(info[0]));
  LIBBPF_OPTS(bpf_xdp_query_opts, options);
  check(bpf_xdp_query(ifindex, 0, &options), "xdp_query", "ifindex " + std::to_string(ifindex));
  auto result = Napi::Object::New(info.Env());
  result.Set("attachMode", static_cast<uint32_t>(options.attach_mode));
  result.Set("programId", options.prog_id);
  result.Set("nativeId", options.drv_prog_id);
  result.Set("genericId", options.skb_prog_id);
  result.Set("offloadId", options.hw_prog_id);
  return result;
}

uint16_t findFamily(const char* name) {
  NetlinkMessage message(GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK);
  const genlmsghdr header = {CTRL_CMD_GETFAMILY, 1, 0};
  message.append(&header, sizeof(header));
  message.attribute(CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
  uint16_t id = 0;
  netlinkRequest(NETLINK_GENERIC, std::move(message), "xdp_features", [&](std::span<const uint8_t> payload) {
    if (payload.size() < GENL_HDRLEN) return;
    id = readAs<uint16_t>(findAttribute(payload.subspan(GENL_HDRLEN), CTRL_ATTR_FAMILY_ID));
  });
  return id;
}

// xdpFeatures(ifindex): NETDEV_XDP_ACT_* bits as a bigint, or null where the kernel can't say (before 6.3)
Napi::Value xdpFeatures(const Napi::CallbackInfo& info) {
  const uint32_t ifindex = number(info[0]);
  uint16_t family = 0;
  try {
    family = findFamily("netdev");
  } catch (const Failure& failure) {
    if (failure.error != ENOENT) throw;
  }
  if (family == 0) return info.Env().Null();
  NetlinkMessage message(family, NLM_F_REQUEST | NLM_F_ACK);
  const genlmsghdr header = {kNetdevDevGet, 1, 0};
  message.append(&header, sizeof(header));
  message.attribute(kNetdevIfindex, &ifindex, sizeof(ifindex));
  uint64_t features = 0;
  netlinkRequest(NETLINK_GENERIC, std::move(message), "xdp_features", [&](std::span<const uint8_t> payload) {
    if (payload.size() < GENL_HDRLEN) return;
    features = readAs<uint64_t>(findAttribute(payload.subspan(GENL_HDRLEN), kNetdevXdpFeatures));
  });
  return Napi::BigInt::New(info.Env(), features);
}
}  // namespace

void exportInterface(Napi::Object exports) {
  expose<nameToIndex>(exports, "nameToIndex");
  expose<indexToName>(exports, "indexToName");
  expose<xdpQuery>(exports, "xdpQuery");
  expose<xdpFeatures>(exports, "xdpFeatures");
}
