/** libbpf for Node: the public surface of the package. */

export { BpfError, usefulLines } from './bpf-error.ts';
export { Btf, type BtfMember, type BtfType, type BtfVariable } from './btf.ts';
export {
  attachClsact,
  ClsactAttachment,
  type ClsactFilter,
  type ClsactPlace,
  clsactQuery,
  detachClsact,
} from './clsact.ts';
export { type BtfInput, type BtfRecord, type BtfValue, type Codec, makeCodec } from './codec.ts';
export { ifindexOf, interfaceName, XDP_FEATURES, type XdpMode, xdpFeatures, xdpQuery } from './interface.ts';
export type { MapType, ProgramType } from './kinds.ts';
export { attachTcx, attachXdp, BpfLink, type Direction, type LinkInfo, tcxQuery } from './link.ts';
export { linkObjects, linkToBytes } from './linker.ts';
export { BpfMap, type MapInfo, type MapKey, type MapValue, type UpdateMode } from './map.ts';
export { MapPage } from './map-page.ts';
export { BpfObject, type MapDefinition, type ProgramDefinition } from './object.ts';
export { findKernelBtf, hasKernelBtf, hasTcx, idsOf, kindOfPin, possibleCpus, whyNoAddon } from './probe.ts';
export { BpfProgram, type ProgramInfo, type TestRunOptions, type TestRunResult } from './program.ts';
export type { RecordOptions } from './ring.ts';
export type { TestContext } from './test-context.ts';
