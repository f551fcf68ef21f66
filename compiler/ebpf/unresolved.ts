import { readBtf } from './btf-read.ts';
import { readElf, sectionBytes } from './elf-read.ts';

/** Externs that the kernel itself resolves are listed in these BTF sections. */
const BY_THE_KERNEL = ['.ksyms', '.kconfig'];

/**
 * The names that a linked object still wants from somebody. libbpf's linker ends with success on such an object and
 * the load fails later, so this is asked in between.
 */
export function findUnresolved(linkedObject: Uint8Array): string[] {
  const elf = readElf(linkedObject);
  const btf = sectionBytes(elf, '.BTF');
  const types = btf ? readBtf(btf) : [];
  const kernels = new Set<string>();
  for (const section of types) {
    if (section.kind !== 'section' || !BY_THE_KERNEL.includes(section.name)) continue;
    for (const entry of section.entries) {
      const type = types[entry.type - 1];
      if (type && 'name' in type) kernels.add(type.name);
    }
  }
  const open = elf.symbols.filter((symbol) => symbol.section === 0 && symbol.name !== '' && !kernels.has(symbol.name));
  return open.map((symbol) => symbol.name).sort();
}
