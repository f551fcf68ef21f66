// Programs: described, and run on test data on a worker.
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "binding.h"
#include "exports.h"
#include "handle.h"

namespace {
// programInfo(handle): {type, id, tag, name, btfId, mapIds, loadedNs, xlatedBytes, jitedBytes, verifiedInstructions,
// runTimeNs, runCount, ifindex}; the run times are 0 without kernel.bpf_stats_enabled
Napi::Value programInfo(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "program_info");
  bpf_prog_info program = {};
  uint32_t length = sizeof(program);
  check(bpf_obj_get_info_by_fd(open.fd(), &program, &length), "program_info", open.label);
  std::vector<uint32_t> mapIds(program.nr_map_ids);
  if (!mapIds.empty()) {
    bpf_prog_info again = {};
    again.nr_map_ids = program.nr_map_ids;
    again.map_ids = reinterpret_cast<uint64_t>(mapIds.data());
    length = sizeof(again);
    check(bpf_obj_get_info_by_fd(open.fd(), &again, &length), "program_info", open.label);
  }
  Napi::Env env = info.Env();
  auto result = Napi::Object::New(env);
  char tag[2 * BPF_TAG_SIZE + 1];
  for (int i = 0; i < BPF_TAG_SIZE; i++) snprintf(tag + 2 * i, 3, "%02x", program.tag[i]);
  auto maps = Napi::Array::New(env, mapIds.size());
  for (uint32_t i = 0; i < mapIds.size(); i++) maps.Set(i, mapIds[i]);
  result.Set("type", program.type);
  result.Set("id", program.id);
  result.Set("tag", static_cast<const char*>(tag));
  result.Set("name", static_cast<const char*>(program.name));
  result.Set("btfId", program.btf_id);
  result.Set("mapIds", maps);
  result.Set("loadedNs", Napi::BigInt::New(env, static_cast<uint64_t>(program.load_time)));
  result.Set("xlatedBytes", program.xlated_prog_len);
  result.Set("jitedBytes", program.jited_prog_len);
  result.Set("verifiedInstructions", program.verified_insns);
  result.Set("runTimeNs", Napi::BigInt::New(env, static_cast<uint64_t>(program.run_time_ns)));
  result.Set("runCount", Napi::BigInt::New(env, static_cast<uint64_t>(program.run_cnt)));
  result.Set("ifindex", program.ifindex);
  return result;
}

struct TestRun {
  uint32_t retval, duration;
  Bytes data, context;
};

// The run that the arguments describe: handle, data | null, context | null, repeat, dataOutSize, contextOutSize, flags, cpu,
// batchSize.
std::function<TestRun()> readTestRun(const Napi::CallbackInfo& info) {
  const OpenFd open = openFd(info[0], "test_run");
  return [open, data = copyBytes(info[1]), context = copyBytes(info[2]), repeat = number(info[3]),
               dataOutSize = number(info[4]), contextOutSize = number(info[5]), flags = number(info[6]),
               cpu = number(info[7]), batchSize = number(info[8])] {
    TestRun run = {0, 0, Bytes(dataOutSize), Bytes(contextOutSize)};
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = data.empty() ? nullptr : data.data();
    options.data_size_in = static_cast<uint32_t>(data.size());
    options.data_out = dataOutSize == 0 ? nullptr : run.data.data();
    options.data_size_out = dataOutSize;
    options.ctx_in = context.empty() ? nullptr : context.data();
    options.ctx_size_in = static_cast<uint32_t>(context.size());
    options.ctx_out = contextOutSize == 0 ? nullptr : run.context.data();
    options.ctx_size_out = contextOutSize;
    options.repeat = static_cast<int>(repeat);
    options.flags = flags;
    options.cpu = cpu;
    options.batch_size = batchSize;
    const int result = bpf_prog_test_run_opts(open.fd(), &options);
    const int error = errno;
    std::string hint;
    if (result < 0 && error == ENOSPC)
      hint = "the packet that came out has " + std::to_string(options.data_size_out) + " bytes: raise dataOutSize";
    if (result < 0) throw Failure("test_run", error, open.label, hint);
    run.retval = options.retval;
    run.duration = options.duration;
    run.data.resize(std::min<size_t>(options.data_size_out, run.data.size()));
    run.context.resize(std::min<size_t>(options.ctx_size_out, run.context.size()));
    return run;
  };
}

Napi::Value describeTestRun(Napi::Env env, TestRun& run) {
  auto result = Napi::Object::New(env);
  result.Set("retval", run.retval);
  result.Set("durationNs", run.duration);
  result.Set("data", newBytes(env, run.data.data(), run.data.size()));
  result.Set("context", newBytes(env, run.context.data(), run.context.size()));
  return result;
}

// programTestRun(as readTestRun): Promise<{retval, durationNs, data, context}>
Napi::Value programTestRun(const Napi::CallbackInfo& info) {
  return Task<TestRun>::run(info.Env(), "programTestRun", readTestRun(info), describeTestRun);
}

// programTestRunSync(as readTestRun): {retval, durationNs, data, context}; on this thread
Napi::Value programTestRunSync(const Napi::CallbackInfo& info) {
  TestRun run = readTestRun(info)();
  return describeTestRun(info.Env(), run);
}
}  // namespace

void exportProgram(Napi::Object exports) {
  expose<programInfo>(exports, "programInfo");
  expose<programTestRun>(exports, "programTestRun");
  expose<programTestRunSync>(exports, "programTestRunSync");
}
