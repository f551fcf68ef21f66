/**
 * Leaves as instructions: they fill in what the datapath has zeroed (native/datapath/packet.h) and return 0. Only
 * what is not zero is written.
 */
import type { IngressLeaf, NatLeaf, PolicyLeaf } from '../diagram/diagram.ts';
import type { AddressMap, Listen, Machine, Model, Redirect, RuleId } from '../model.ts';
import { adjustment } from '../prefix-translation.ts';
import type { Instruction } from './instruction.ts';
import { copyLive, mapAnswer, masqueradeAnswer, storeAddress } from './outside.ts';
import { type PacketFields, VERDICTS, type Verdict } from './packet-fields.ts';
import type { Purpose, Step } from './place.ts';
import type { Purposes } from './purposes.ts';
import { VALUE } from './search-tree.ts';
import { askLive, loadLive } from './tables.ts';

const RETURN: readonly Instruction[] = [
  { kind: 'alu', operator: 'mov', width: 64, to: 0, from: { value: 0 } },
  { kind: 'exit' },
];

export class Answers {
  readonly #model: Model;
  readonly #fields: PacketFields;
  readonly #purposes: Purposes;
  readonly #listens: ReadonlyMap<RuleId, { readonly listen: Listen; readonly redirect: Redirect }>;
  /** The answer of each masquerade and map is one step, shared by all lines that lead to it. */
  readonly #translations = new Map<RuleId, Step>();
  readonly #silence = new Map<string, Step>();

  constructor(model: Model, fields: PacketFields, purposes: Purposes) {
    this.#model = model;
    this.#fields = fields;
    this.#purposes = purposes;
    const listens = model.redirects.flatMap((redirect) => redirect.listens.map((listen) => ({ listen, redirect })));
    this.#listens = new Map(listens.map((one) => [one.listen.id, one]));
  }

  ingress(leaf: IngressLeaf): Step {
    switch (leaf.verdict) {
      case 'continue':
        return this.silence('(no line of this stage decides)');
      case 'forged': {
        const purpose = this.#purposes.words('(a source that belongs to another interface)');
        return { kind: 'end', code: [...this.#fields.store('verdict', VERDICTS.forged), ...RETURN], purpose };
      }
      case 'deny':
      case 'reject': {
        const code = [...this.#decision(leaf.verdict, leaf.rule, leaf.log), ...RETURN];
        return { kind: 'end', code, purpose: this.#purposes.rule(leaf.rule) };
      }
      case 'redirect': {
        const code = [...this.#decision('redirect', leaf.rule, leaf.log), ...this.#target(leaf.rule), ...RETURN];
        const purpose = this.#purposes.rule(leaf.rule);
        const yes: Step = { kind: 'end', code, purpose };
        const value = this.#listen(leaf.rule).listen.value;
        return value === null ? yes : askLive(this.#fields, value, purpose, yes, this.#denial(leaf.rule, leaf.log));
      }
      case 'map': {
        const code = [...this.#fields.store('verdict', VERDICTS.map), ...this.#mapTarget(leaf.rule), ...RETURN];
        const purpose = this.#purposes.rule(leaf.rule);
        const yes: Step = { kind: 'end', code, purpose };
        const { follows } = this.#map(leaf.rule);
        return follows === null
          ? yes
          : askLive(this.#fields, follows.value, purpose, yes, this.#denial(leaf.rule, false));
      }
      default:
        return leaf satisfies never;
    }
  }

  /** What is allowed goes on to `leaves`, which all such lines share. */
  policy(leaf: PolicyLeaf, leaves: Step): Step {
    const code = this.#decision(leaf.verdict, leaf.rule, leaf.log);
    const purpose = this.#purposes.rule(leaf.rule);
    if (leaf.verdict === 'allow') return { kind: 'go', code, next: leaves, purpose };
    return { kind: 'end', code: [...code, ...RETURN], purpose };
  }

  /** Of packets that are let in: `verdict` is `allow` already, `rule` stays what it is. */
  nat(leaf: NatLeaf): Step {
    if (leaf.nat !== 0) return this.#translation(leaf.nat);
    if (!leaf.untranslated) return this.silence('(no masquerade takes it)');
    return this.#untranslated(this.#purposes.words('(a private source would leave untranslated)'));
  }

  #untranslated(purpose: Purpose): Step {
    return { kind: 'end', code: [...this.#fields.store('verdict', VERDICTS.untranslated), ...RETURN], purpose };
  }

  /** Returns and leaves the packet alone. */
  silence(text: string): Step {
    const known = this.#silence.get(text);
    if (known) return known;
    const step: Step = { kind: 'end', code: RETURN, purpose: this.#purposes.words(text) };
    this.#silence.set(text, step);
    return step;
  }

  /** Where there is no prefix now: nothing passes. */
  #denial(rule: RuleId, log: boolean): Step {
    return { kind: 'end', code: [...this.#decision('deny', rule, log), ...RETURN], purpose: this.#purposes.rule(rule) };
  }

  #decision(verdict: Verdict, rule: RuleId, log: boolean): Instruction[] {
    const code = [...this.#fields.store('verdict', VERDICTS[verdict]), ...this.#fields.store('rule', rule)];
    return log ? [...code, ...this.#fields.store('log', 1)] : code;
  }

  #translation(id: RuleId): Step {
    const known = this.#translations.get(id);
    if (known) return known;
    const purpose = this.#purposes.rule(id);
    const masquerade = this.#model.masquerades.find((one) => one.id === id);
    const step = masquerade
      ? masqueradeAnswer(this.#fields, masquerade, purpose, RETURN)
      : mapAnswer(this.#fields, this.#map(id), purpose, RETURN, this.#untranslated(purpose));
    this.#translations.set(id, step);
    return step;
  }

  #map(id: RuleId): AddressMap {
    const map = this.#model.maps.find((one) => one.id === id);
    if (!map) throw new RangeError(`the model has no masquerade or map ${id}`);
    return map;
  }

  /** The inside prefix: the destination's part behind it stays. */
  #mapTarget(id: RuleId): Instruction[] {
    const { inside, outside, family, interfaces, follows } = this.#map(id);
    const adjust =
      follows === null
        ? this.#fields.store('adjust', family === 6 ? adjustment(outside, inside) : 0)
        : [loadLive(VALUE, 'in'), this.#fields.storeRegister('adjust', VALUE)];
    return [
      ...this.#fields.store('rule', id),
      ...storeAddress(this.#fields, 'to_addr', inside.first, family),
      ...this.#fields.store('prefix', inside.length),
      ...adjust,
      ...this.#fields.store('side', interfaces[0] ?? 0),
    ];
  }

  #target(id: RuleId): Instruction[] {
    const { listen, redirect } = this.#listen(id);
    if (listen.value === null) return [...this.#targetAddress(listen.target, redirect), ...this.#targetPort(listen)];
    return [...copyLive(this.#fields, 'to_addr'), ...this.#targetPort(listen)];
  }

  #listen(id: RuleId): { readonly listen: Listen; readonly redirect: Redirect } {
    const found = this.#listens.get(id);
    if (!found) throw new RangeError(`the model has no listen line ${id}`);
    return found;
  }

  /** The gateway itself as a target: the packet keeps the destination by which it came to the gateway. */
  #targetAddress(target: Machine, redirect: Redirect): Instruction[] {
    if (target.kind === 'address') {
      if (target.family === 4) return this.#fields.store('to_addr', Number(target.address));
      return [0, 1, 2, 3].flatMap((word) => {
        const value = (target.address >> BigInt(96 - 32 * word)) & 0xffff_ffffn;
        return this.#fields.store('to_addr', Number(value), word);
      });
    }
    const { interfaces, addresses } = redirect;
    const keeps = target.kind === 'self' || (interfaces.length === 1 && interfaces[0] === target.interface);
    if (addresses !== null || !keeps) throw new RangeError('a redirect to another own address is not built yet');
    return [0, 1, 2, 3].flatMap((word) => [
      this.#fields.load(VALUE, 'daddr', word),
      this.#fields.storeRegister('to_addr', VALUE, word),
    ]);
  }

  /** Target ports lie in the same order as the listened ones. */
  #targetPort(listen: Listen): Instruction[] {
    const ports = listen.service.ports;
    if (!ports) return [];
    const first = listen.targetPorts?.first ?? ports.first;
    if (ports.first === ports.last) return this.#fields.store('to_port', first);
    const shift = first - ports.first;
    const move: Instruction = { kind: 'alu', operator: 'add', width: 32, to: VALUE, from: { value: shift } };
    const read = this.#fields.load(VALUE, 'dport');
    const write = this.#fields.storeRegister('to_port', VALUE);
    return shift === 0 ? [read, write] : [read, move, write];
  }
}
