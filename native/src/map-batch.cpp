// Many elements of a map at once, on a worker: by the kernel's batch commands, or one by one where a map has none.
#include <bpf/bpf.h>

#include <algorithm>

#include "binding.h"
#include "exports.h"
#include "handle.h"

namespace {
constexpr int kNotSupported = 524;  // ENOTSUPP, the kernel's own: what a map type without batches answers

bool hasNoBatch(int error) { return error == kNotSupported || error == EOPNOTSUPP || error == EINVAL; }

struct Page {
  uint32_t count = 0;
  Bytes keys, values;
  Bytes position;  // where the next page starts: the kernel's token, or the last key; empty at the end
  bool unsupported = false;
};

Napi::Value pageToJavaScript(Napi::Env env, Page& page) {
  auto result = Napi::Object::New(env);
  result.Set("count", page.count);
  result.Set("keys", newBytes(env, page.keys.data(), page.keys.size()));
  result.Set("values", newBytes(env, page.values.data(), page.values.size()));
  result.Set("position", page.position.empty()
                             ? env.Null()
                             : Napi::Value(newBytes(env, page.position.data(), page.position.size())));
  result.Set("unsupported", page.unsupported);
  return result;
}

// The kernel hands out whole buckets: ENOSPC when one does not fit, then the page grows.
Page lookupBatch(const OpenFd& open, Bytes position, size_t keySize, size_t valueBytes, uint32_t wanted) {
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  Page page;
  Bytes next(std::max<size_t>(keySize, 8));
  for (uint32_t room = wanted;; room *= 2) {
    page.keys.resize(room * keySize);
    page.values.resize(room * valueBytes);
    uint32_t count = room;
    const int result = bpf_map_lookup_batch(open.fd(), position.empty() ? nullptr : position.data(), next.data(),
                                            page.keys.data(), page.values.data(), &count, &options);
    const int error = result < 0 ? errno : 0;
    if (error == ENOSPC && room < (1u << 24)) continue;
    if (error != 0 && error != ENOENT) {
      page = {};
      page.unsupported = position.empty() && hasNoBatch(error);
      if (page.unsupported) return page;
      throw Failure("lookup_batch", error, open.label);
    }
    page.count = count;
    page.keys.resize(count * keySize);
    page.values.resize(count * valueBytes);
    if (error == 0) page.position = std::move(next);
    return page;
  }
}

// mapLookupBatch(handle, position | null, keySize, valueBytes, count): Promise<Page>
Napi::Value mapLookupBatch(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "lookup_batch");
  auto work = [open, position = copyBytes(info[1]), keySize = number(info[2]), valueBytes = number(info[3]),
               count = number(info[4])] { return lookupBatch(open, position, keySize, valueBytes, count); };
  return Task<Page>::run(info.Env(), "mapLookupBatch", std::move(work), pageToJavaScript);
}

// mapWalk(handle, last key | null, keySize, valueBytes, count): Promise<Page>, by get_next_key and lookup; an element
// that goes in between is left out
Napi::Value mapWalk(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "next_key");
  auto work = [open, position = copyBytes(info[1]), keySize = number(info[2]), valueBytes = number(info[3]),
               wanted = number(info[4])] {
    Page page;
    Bytes last = position, key(keySize), value(valueBytes);
    for (uint32_t step = 0; step < wanted; step++) {
      const int result = bpf_map_get_next_key(open.fd(), last.empty() ? nullptr : last.data(), key.data());
      if (result < 0 && errno == ENOENT) return page;
      check(result, "next_key", open.label);
      last = key;
      if (bpf_map_lookup_elem(open.fd(), key.data(), value.data()) < 0) {
        if (errno == ENOENT) continue;
        throw Failure("lookup", errno, open.label);
      }
      page.keys.insert(page.keys.end(), key.begin(), key.end());
      page.values.insert(page.values.end(), value.begin(), value.end());
      page.count++;
    }
    page.position = std::move(last);
    return page;
  };
  return Task<Page>::run(info.Env(), "mapWalk", std::move(work), pageToJavaScript);
}

struct Found {
  Bytes values;  // zeros for a key that is not there
  Bytes found;   // a byte a key: 1 or 0
};

Napi::Value foundToJavaScript(Napi::Env env, Found& found) {
  auto result = Napi::Object::New(env);
  result.Set("values", newBytes(env, found.values.data(), found.values.size()));
  result.Set("found", newBytes(env, found.found.data(), found.found.size()));
  return result;
}

// mapLookupMany(handle, keys, count, valueBytes): Promise<{values, found}>: the kernel has no command for it
Napi::Value mapLookupMany(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "lookup");
  auto work = [open, keys = copyBytes(info[1]), count = number(info[2]), valueBytes = number(info[3])] {
    Found result{Bytes(size_t{count} * valueBytes), Bytes(count)};
    const size_t keySize = count == 0 ? 0 : keys.size() / count;
    for (size_t i = 0; i < count; i++) {
      if (bpf_map_lookup_elem(open.fd(), &keys[i * keySize], &result.values[i * valueBytes]) == 0) result.found[i] = 1;
      else if (errno != ENOENT) throw Failure("lookup", errno, open.label);
    }
    return result;
  };
  return Task<Found>::run(info.Env(), "mapLookupMany", std::move(work), foundToJavaScript);
}

Napi::Value countToJavaScript(Napi::Env env, uint32_t& count) { return Napi::Number::New(env, count); }

// mapUpdateBatch(handle, keys, values, count, flags): Promise<count>
Napi::Value mapUpdateBatch(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "update_batch");
  auto work = [open, keys = copyBytes(info[1]), values = copyBytes(info[2]), count = number(info[3]),
               flags = number64(info[4])] {
    if (count == 0) return 0u;
    LIBBPF_OPTS(bpf_map_batch_opts, options, .elem_flags = flags);
    uint32_t done = count;
    if (bpf_map_update_batch(open.fd(), keys.data(), values.data(), &done, &options) == 0) return done;
    if (!hasNoBatch(errno)) throw Failure("update_batch", errno, open.label);
    const size_t keySize = keys.size() / count, valueBytes = values.size() / count;
    for (uint32_t i = 0; i < count; i++) {
      const void* key = keySize == 0 ? nullptr : &keys[i * keySize];
      check(bpf_map_update_elem(open.fd(), key, &values[i * valueBytes], flags), "update", open.label);
    }
    return count;
  };
  return Task<uint32_t>::run(info.Env(), "mapUpdateBatch", std::move(work), countToJavaScript);
}

// mapDeleteBatch(handle, keys, count): Promise of how many were there
Napi::Value mapDeleteBatch(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "delete_batch");
  auto work = [open, keys = copyBytes(info[1]), count = number(info[2])] {
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    const size_t keySize = count == 0 ? 0 : keys.size() / count;
    uint32_t deleted = 0;
    bool batch = true;
    for (uint32_t at = 0; at < count;) {
      if (batch) {
        uint32_t done = count - at;
        if (bpf_map_delete_batch(open.fd(), &keys[at * keySize], &done, &options) == 0) return deleted + done;
        if (errno == ENOENT) {  // it stops at a key that is not there: go on behind it
          deleted += done;
          at += done + 1;
          continue;
        }
        if (!hasNoBatch(errno)) throw Failure("delete_batch", errno, open.label);
        batch = false;
      }
      if (bpf_map_delete_elem(open.fd(), &keys[at * keySize]) == 0) deleted++;
      else if (errno != ENOENT) throw Failure("delete", errno, open.label);
      at++;
    }
    return deleted;
  };
  return Task<uint32_t>::run(info.Env(), "mapDeleteBatch", std::move(work), countToJavaScript);
}
}  // namespace

void exportMapBatch(Napi::Object exports) {
  expose<mapLookupBatch>(exports, "mapLookupBatch");
  expose<mapWalk>(exports, "mapWalk");
  expose<mapLookupMany>(exports, "mapLookupMany");
  expose<mapUpdateBatch>(exports, "mapUpdateBatch");
  expose<mapDeleteBatch>(exports, "mapDeleteBatch");
}
