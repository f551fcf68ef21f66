// The list of what the addon exports; the front in lib/ is its only caller and checks all arguments.
#include <cstdlib>

#include "binding.h"
#include "capture.h"
#include "exports.h"

Napi::Error toJavaScript(Napi::Env env, const Failure& failure) {
  auto* data = env.GetInstanceData<AddonData>();
  if (data->makeError.IsEmpty()) return Napi::Error::New(env, failure.op);
  Napi::Value error = data->makeError.Call({
      Napi::String::New(env, failure.op),
      Napi::Number::New(env, failure.error),
      Napi::String::New(env, failure.object),
      Napi::String::New(env, failure.log),
  });
  return Napi::Error(env, error);
}

namespace {
// setErrorFactory((op, errno, object, log) => Error)
Napi::Value setErrorFactory(const Napi::CallbackInfo& info) {
  info.Env().GetInstanceData<AddonData>()->makeError = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}
}  // namespace

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  Capture::install();
  env.SetInstanceData(new AddonData());
  expose<setErrorFactory>(exports, "setErrorFactory");
  exportHandles(exports);
  exportObject(exports);
  exportMap(exports);
  exportMapBatch(exports);
  exportRing(exports);
  exportProgram(exports);
  exportLink(exports);
  exportLinker(exports);
  exportClsact(exports);
  exportInterface(exports);
#ifdef LIBBPF_TS_ASAN
  // Proof that the leak check sees anything: a block that nobody frees or points to.
  const char* leak = getenv("LIBBPF_TS_LEAK");
  if (leak != nullptr && *leak != '\0') {
    char* volatile lost = new char[4242];
    lost[0] = 1;
    lost = nullptr;
  }
#endif
  return exports;
}

NODE_API_MODULE(libbpf, initialise)
