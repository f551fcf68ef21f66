// Between Node-API and the functions of this addon: registration, errors, bytes, work on another thread.
#pragma once
#include <napi.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "failure.h"

using Bytes = std::vector<uint8_t>;

// One a JavaScript environment.
struct AddonData {
  Napi::FunctionReference makeError;  // (op, errno, object, log) => Error, set by the front
};

Napi::Error toJavaScript(Napi::Env env, const Failure& failure);

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Failure& failure) {
    throw toJavaScript(info.Env(), failure);
  } catch (const std::bad_alloc&) {
    throw toJavaScript(info.Env(), Failure("allocate", ENOMEM));
  }
}

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void expose(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<function>>(exports.Env(), name));
}

// Runs `work` on a worker thread, then `finish` on the JavaScript thread; the promise rejects with a Failure of either.
template <typename Result>
class Task final : public Napi::AsyncWorker {
 public:
  using Work = std::function<Result()>;
  using Finish = std::function<Napi::Value(Napi::Env, Result&)>;
  static Napi::Value run(Napi::Env env, const char* name, Work work, Finish finish) {
    auto* task = new Task(env, name, std::move(work), std::move(finish));
    Napi::Promise promise = task->deferred_.Promise();
    task->Queue();
    return promise;
  }

 private:
  Task(Napi::Env env, const char* name, Work work, Finish finish)
      : Napi::AsyncWorker(env, name), deferred_(env), work_(std::move(work)), finish_(std::move(finish)) {}
  void Execute() override {
    try {
      result_.emplace(work_());
    } catch (const Failure& failure) {
      failure_ = failure;
    } catch (const std::exception&) {
      failure_ = Failure("allocate", ENOMEM);
    }
  }
  void OnOK() override {
    work_ = nullptr;  // lets go of the handles it keeps before anybody hears of the end
    if (failure_) return deferred_.Reject(toJavaScript(Env(), *failure_).Value());
    try {
      deferred_.Resolve(finish_(Env(), *result_));
    } catch (const Failure& failure) {
      deferred_.Reject(toJavaScript(Env(), failure).Value());
    }
  }

  Napi::Promise::Deferred deferred_;
  Work work_;
  Finish finish_;
  std::optional<Result> result_;
  std::optional<Failure> failure_;
};

inline std::string text(const Napi::Value& value) {
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}
inline uint32_t number(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }
inline uint64_t number64(const Napi::Value& value) {
  return static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
}
inline Napi::Value orNull(Napi::Env env, const std::string& value) {
  return value.empty() ? env.Null() : Napi::Value(Napi::String::New(env, value));
}

// The bytes of a Uint8Array, in place; empty for anything else (null).
inline std::span<uint8_t> viewBytes(const Napi::Value& value) {
  if (!value.IsTypedArray()) return {};
  auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}
inline Bytes copyBytes(const Napi::Value& value) {
  const auto view = viewBytes(value);
  return Bytes(view.begin(), view.end());
}
inline Napi::Uint8Array newBytes(Napi::Env env, const void* data, size_t size) {
  auto array = Napi::Uint8Array::New(env, size);
  if (size != 0) memcpy(array.Data(), data, size);
  return array;
}
