// Maps: created, described, single elements. Keys and values are bytes of exactly the map's sizes (checked by the
// front: the kernel reads and writes that many); a value of a per-CPU map is one of 8-byte-rounded size a possible CPU.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "binding.h"
#include "exports.h"
#include "handle.h"

namespace {
// mapCreate(type, name, keySize, valueSize, maxEntries, flags, inner fd handle | null)
Napi::Value mapCreate(const Napi::CallbackInfo& info) {
  const std::string name = text(info[1]);
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = number(info[5]));
  OpenFd inner;
  if (info[6].IsExternal()) {
    inner = openFd(info[6], "map_create");
    options.inner_map_fd = static_cast<uint32_t>(inner.fd());
  }
  const int fd = bpf_map_create(static_cast<bpf_map_type>(number(info[0])), name.c_str(), number(info[2]),
                                number(info[3]), number(info[4]), &options);
  return wrapFd(info.Env(), check(fd, "map_create", name), name);
}

// mapInfo(handle): {type, id, keySize, valueSize, maxEntries, flags, name, ifindex, btfId, keyTypeId, valueTypeId}
Napi::Value mapInfo(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "map_info");
  bpf_map_info map = {};
  uint32_t length = sizeof(map);
  check(bpf_obj_get_info_by_fd(open.fd(), &map, &length), "map_info", open.label);
  auto result = Napi::Object::New(info.Env());
  result.Set("type", map.type);
  result.Set("id", map.id);
  result.Set("name", static_cast<const char*>(map.name));
  result.Set("keySize", map.key_size);
  result.Set("valueSize", map.value_size);
  result.Set("maxEntries", map.max_entries);
  result.Set("flags", map.map_flags);
  result.Set("ifindex", map.ifindex);
  result.Set("btfId", map.btf_id);
  result.Set("keyTypeId", map.btf_key_type_id);
  result.Set("valueTypeId", map.btf_value_type_id);
  return result;
}

// possibleCpus()
Napi::Value possibleCpus(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), check(libbpf_num_possible_cpus(), "possible_cpus"));
}

// null for a queue, a stack or a bloom filter, which have no keys
const void* keyOf(const Napi::Value& value) {
  const auto bytes = viewBytes(value);
  return bytes.empty() ? nullptr : bytes.data();
}

Napi::Value found(Napi::Env env, int result, const Napi::Uint8Array& value, const char* op, const std::string& label) {
  if (result < 0 && errno == ENOENT) return env.Null();
  check(result, op, label);
  return value;
}

// mapLookup(handle, key | null, valueBytes, flags): Uint8Array or null
Napi::Value mapLookup(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "lookup");
  auto value = Napi::Uint8Array::New(info.Env(), number(info[2]));
  const int result = bpf_map_lookup_elem_flags(open.fd(), keyOf(info[1]), value.Data(), number(info[3]));
  return found(info.Env(), result, value, "lookup", open.label);
}

// mapLookupAndDelete(handle, key | null, valueBytes): Uint8Array or null
Napi::Value mapLookupAndDelete(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "lookup_and_delete");
  auto value = Napi::Uint8Array::New(info.Env(), number(info[2]));
  const int result = bpf_map_lookup_and_delete_elem(open.fd(), keyOf(info[1]), value.Data());
  return found(info.Env(), result, value, "lookup_and_delete", open.label);
}

// mapUpdate(handle, key | null, value, flags)
Napi::Value mapUpdate(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "update");
  const int result = bpf_map_update_elem(open.fd(), keyOf(info[1]), viewBytes(info[2]).data(), number(info[3]));
  check(result, "update", open.label);
  return info.Env().Undefined();
}

// mapUpdateFd(handle, key, handle of a program or map, flags): for program arrays and maps of maps
Napi::Value mapUpdateFd(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "update");
  const OpenFd target = openFd(info[2], "update");
  const int fd = target.fd();
  check(bpf_map_update_elem(open.fd(), keyOf(info[1]), &fd, number(info[3])), "update", open.label);
  return info.Env().Undefined();
}

// mapDelete(handle, key): whether it was there
Napi::Value mapDelete(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "delete");
  const int result = bpf_map_delete_elem(open.fd(), keyOf(info[1]));
  if (result < 0 && errno == ENOENT) return Napi::Boolean::New(info.Env(), false);
  check(result, "delete", open.label);
  return Napi::Boolean::New(info.Env(), true);
}

// mapNextKey(handle, key | null, keySize): Uint8Array or null after the last
Napi::Value mapNextKey(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "next_key");
  auto next = Napi::Uint8Array::New(info.Env(), number(info[2]));
  const int result = bpf_map_get_next_key(open.fd(), keyOf(info[1]), next.Data());
  return found(info.Env(), result, next, "next_key", open.label);
}

// mapFreeze(handle): read-only for user space from here on
Napi::Value mapFreeze(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "freeze");
  check(bpf_map_freeze(open.fd()), "freeze", open.label);
  return info.Env().Undefined();
}
}  // namespace

void exportMap(Napi::Object exports) {
  expose<mapCreate>(exports, "mapCreate");
  expose<mapInfo>(exports, "mapInfo");
  expose<possibleCpus>(exports, "possibleCpus");
  expose<mapLookup>(exports, "mapLookup");
  expose<mapLookupAndDelete>(exports, "mapLookupAndDelete");
  expose<mapUpdate>(exports, "mapUpdate");
  expose<mapUpdateFd>(exports, "mapUpdateFd");
  expose<mapDelete>(exports, "mapDelete");
  expose<mapNextKey>(exports, "mapNextKey");
  expose<mapFreeze>(exports, "mapFreeze");
}
