// bpf_object: opened, adjusted, loaded on a worker; hands out its own descriptors of programs and maps.
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include "binding.h"
#include "capture.h"
#include "exports.h"
#include "handle.h"

namespace {
bpf_object* openObject(const Napi::Value& value, const char* op) {
  ObjectHandle& handle = unwrapHandle<ObjectHandle>(value);
  if (!handle.object) throw Failure(op, kClosed, handle.label);
  if (*handle.busy) throw Failure(op, EBUSY, handle.label, "the object is being loaded");
  return handle.object.get();
}

bpf_map* findMap(const Napi::CallbackInfo& info, const char* op) {
  bpf_object* object = openObject(info[0], op);
  const std::string name = text(info[1]);
  bpf_map* map = bpf_object__find_map_by_name(object, name.c_str());
  if (map == nullptr) throw Failure(op, ENOENT, name, "the object has no such map");
  return map;
}

bpf_program* findProgram(const Napi::CallbackInfo& info, const char* op) {
  bpf_object* object = openObject(info[0], op);
  const std::string name = text(info[1]);
  bpf_program* program = bpf_object__find_program_by_name(object, name.c_str());
  if (program == nullptr) throw Failure(op, ENOENT, name, "the object has no such program");
  return program;
}

// objectOpen(path | Uint8Array, name, pinRoot | null)
Napi::Value objectOpen(const Napi::CallbackInfo& info) {
  const std::string name = text(info[1]);
  const std::string pinRoot = text(info[2]);
  LIBBPF_OPTS(bpf_object_open_opts, options);
  if (!name.empty()) options.object_name = name.c_str();
  if (!pinRoot.empty()) options.pin_root_path = pinRoot.c_str();
  Capture capture;
  bpf_object* object = nullptr;
  std::string label = name;
  if (info[0].IsString()) {
    const std::string path = text(info[0]);
    if (label.empty()) label = path;
    object = bpf_object__open_file(path.c_str(), &options);
  } else {
    const auto bytes = viewBytes(info[0]);
    object = bpf_object__open_mem(bytes.data(), bytes.size(), &options);
  }
  if (object == nullptr) throw Failure("open", errno, label, capture.take());
  auto handle = std::make_unique<ObjectHandle>();
  handle->object = std::shared_ptr<bpf_object>(object, bpf_object__close);
  handle->label = label;
  return wrapHandle(info.Env(), std::move(handle));
}

// objectClose(handle): harmless when closed already; while a worker loads it, it goes when that ends
Napi::Value objectClose(const Napi::CallbackInfo& info) {
  unwrapHandle<ObjectHandle>(info[0]).object.reset();
  return info.Env().Undefined();
}

// objectName(handle)
Napi::Value objectName(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), bpf_object__name(openObject(info[0], "name")));
}

// objectPrograms(handle): [{name, section, type, attachType, autoload, instructions}]
Napi::Value objectPrograms(const Napi::CallbackInfo& info) {
  bpf_object* object = openObject(info[0], "programs");
  Napi::Env env = info.Env();
  auto list = Napi::Array::New(env);
  bpf_program* program;
  bpf_object__for_each_program(program, object) {
    auto entry = Napi::Object::New(env);
    entry.Set("name", bpf_program__name(program));
    entry.Set("section", bpf_program__section_name(program));
    entry.Set("type", static_cast<uint32_t>(bpf_program__type(program)));
    entry.Set("attachType", static_cast<uint32_t>(bpf_program__expected_attach_type(program)));
    entry.Set("autoload", bpf_program__autoload(program));
    entry.Set("instructions", static_cast<double>(bpf_program__insn_cnt(program)));
    list.Set(list.Length(), entry);
  }
  return list;
}

// objectMaps(handle): [{name, type, keySize, valueSize, maxEntries, flags, internal, pinPath, keyTypeId, valueTypeId}]
Napi::Value objectMaps(const Napi::CallbackInfo& info) {
  bpf_object* object = openObject(info[0], "maps");
  Napi::Env env = info.Env();
  auto list = Napi::Array::New(env);
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    auto entry = Napi::Object::New(env);
    const char* pinPath = bpf_map__pin_path(map);
    entry.Set("name", bpf_map__name(map));
    entry.Set("type", static_cast<uint32_t>(bpf_map__type(map)));
    entry.Set("keySize", bpf_map__key_size(map));
    entry.Set("valueSize", bpf_map__value_size(map));
    entry.Set("maxEntries", bpf_map__max_entries(map));
    entry.Set("flags", bpf_map__map_flags(map));
    entry.Set("internal", bpf_map__is_internal(map));
    entry.Set("pinPath", orNull(env, pinPath == nullptr ? "" : pinPath));
    entry.Set("keyTypeId", bpf_map__btf_key_type_id(map));
    entry.Set("valueTypeId", bpf_map__btf_value_type_id(map));
    list.Set(list.Length(), entry);
  }
  return list;
}

// objectBtf(handle): raw BTF, or null
Napi::Value objectBtf(const Napi::CallbackInfo& info) {
  const btf* types = bpf_object__btf(openObject(info[0], "btf"));
  if (types == nullptr) return info.Env().Null();
  uint32_t size = 0;
  const void* data = btf__raw_data(types, &size);
  if (data == nullptr) throw Failure("btf", ENOMEM);
  return newBytes(info.Env(), data, size);
}

// objectSetAutoload(handle, program, on)
Napi::Value objectSetAutoload(const Napi::CallbackInfo& info) {
  bpf_program* program = findProgram(info, "set_autoload");
  check(bpf_program__set_autoload(program, info[2].As<Napi::Boolean>().Value()), "set_autoload", text(info[1]));
  return info.Env().Undefined();
}

// objectSetMaxEntries(handle, map, entries)
Napi::Value objectSetMaxEntries(const Napi::CallbackInfo& info) {
  check(bpf_map__set_max_entries(findMap(info, "set_max_entries"), number(info[2])), "set_max_entries", text(info[1]));
  return info.Env().Undefined();
}

// objectSetPinPath(handle, map, path | null)
Napi::Value objectSetPinPath(const Napi::CallbackInfo& info) {
  const std::string path = text(info[2]);
  bpf_map* map = findMap(info, "set_pin_path");
  check(bpf_map__set_pin_path(map, path.empty() ? nullptr : path.c_str()), "set_pin_path", text(info[1]));
  return info.Env().Undefined();
}

// objectReuseMap(handle, map, fd handle)
Napi::Value objectReuseMap(const Napi::CallbackInfo& info) {
  bpf_map* map = findMap(info, "reuse_map");
  const OpenFd open = openFd(info[2], "reuse_map");
  Capture capture;
  const int result = bpf_map__reuse_fd(map, open.fd());
  check(result, "reuse_map", text(info[1]), capture.take());
  return info.Env().Undefined();
}

// objectInitialValue(handle, map): a copy of the bytes that a .rodata, .data or .bss map starts with
Napi::Value objectInitialValue(const Napi::CallbackInfo& info) {
  size_t size = 0;
  const void* data = bpf_map__initial_value(findMap(info, "initial_value"), &size);
  if (data == nullptr) throw Failure("initial_value", ENOENT, text(info[1]), "the map has no initial value");
  return newBytes(info.Env(), data, size);
}

// objectSetInitialValue(handle, map, bytes)
Napi::Value objectSetInitialValue(const Napi::CallbackInfo& info) {
  const auto bytes = viewBytes(info[2]);
  check(bpf_map__set_initial_value(findMap(info, "set_initial_value"), bytes.data(), bytes.size()), "set_initial_value",
        text(info[1]));
  return info.Env().Undefined();
}

// objectLoad(handle): Promise of what libbpf warned of
Napi::Value objectLoad(const Napi::CallbackInfo& info) {
  openObject(info[0], "load");
  const ObjectHandle& handle = unwrapHandle<ObjectHandle>(info[0]);
  // Until the task is taken down on this thread, so that what a caller sees does not depend on the worker's speed.
  *handle.busy = true;
  std::shared_ptr<std::atomic<bool>> release(handle.busy.get(), [busy = handle.busy](auto*) { *busy = false; });
  auto work = [object = handle.object, release, label = handle.label] {
    Capture capture;
    const int result = bpf_object__load(object.get());
    const int error = errno;
    if (result < 0) throw Failure("load", error, label, capture.take());
    return capture.take();
  };
  release.reset();
  return Task<std::string>::run(info.Env(), "objectLoad", std::move(work), [](Napi::Env env, std::string& log) {
    return Napi::String::New(env, log);
  });
}

Napi::Value duplicated(Napi::Env env, int fd, const char* op, const std::string& name) {
  if (fd < 0) throw Failure(op, ENOENT, name, "it is not in the kernel: load the object first, with it switched on");
  return wrapFd(env, check(fcntl(fd, F_DUPFD_CLOEXEC, 3), op, name), name);
}

// objectProgramFd(handle, program)
Napi::Value objectProgramFd(const Napi::CallbackInfo& info) {
  return duplicated(info.Env(), bpf_program__fd(findProgram(info, "program")), "program", text(info[1]));
}

// objectMapFd(handle, map)
Napi::Value objectMapFd(const Napi::CallbackInfo& info) {
  return duplicated(info.Env(), bpf_map__fd(findMap(info, "map")), "map", text(info[1]));
}

// objectPinMaps(handle, directory | null)
Napi::Value objectPinMaps(const Napi::CallbackInfo& info) {
  bpf_object* object = openObject(info[0], "pin_maps");
  const std::string path = text(info[1]);
  Capture capture;
  const int result = bpf_object__pin_maps(object, path.empty() ? nullptr : path.c_str());
  check(result, "pin_maps", path, capture.take());
  return info.Env().Undefined();
}
}  // namespace

void exportObject(Napi::Object exports) {
  expose<objectOpen>(exports, "objectOpen");
  expose<objectClose>(exports, "objectClose");
  expose<objectName>(exports, "objectName");
  expose<objectPrograms>(exports, "objectPrograms");
  expose<objectMaps>(exports, "objectMaps");
  expose<objectBtf>(exports, "objectBtf");
  expose<objectSetAutoload>(exports, "objectSetAutoload");
  expose<objectSetMaxEntries>(exports, "objectSetMaxEntries");
  expose<objectSetPinPath>(exports, "objectSetPinPath");
  expose<objectReuseMap>(exports, "objectReuseMap");
  expose<objectInitialValue>(exports, "objectInitialValue");
  expose<objectSetInitialValue>(exports, "objectSetInitialValue");
  expose<objectLoad>(exports, "objectLoad");
  expose<objectProgramFd>(exports, "objectProgramFd");
  expose<objectMapFd>(exports, "objectMapFd");
  expose<objectPinMaps>(exports, "objectPinMaps");
}
