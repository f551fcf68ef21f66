import { check } from '../../../compiler/check/check.ts';
import type { Model } from '../../../compiler/model.ts';
import type { Document } from '../../../grammar/ast.ts';
import type { Diagnostic } from '../../../grammar/diagnostic.ts';
import { parse } from '../../../grammar/parse.ts';

/** What every small case stands on: the article's network, with names enough to speak of. */
export const NETWORK = `
interface wan = ppp0
interface lan = eth0
interface dmz = eth1
zone inside = lan, dmz
network home = 192.168.1.0/24 on lan
network servers = 192.168.2.0/24, 2001:db8:2::/64 on dmz
host han = 192.168.1.20
host yoda = 192.168.2.10, 2001:db8:2::10
host leia = 192.168.2.11
service web = tcp 80, 443
set partners = 198.51.100.0/24
set partners6 = 2001:db8:77::/48
`;
export const GATEWAY = `
gateway deathstar {
  default deny
}
policy to-gateway from lan to self {
  allow tcp 22 from home
  default deny
}
`;

export interface CheckedText {
  readonly text: string;
  readonly document: Document;
  readonly model: Model | null;
  /** Of the parser and the checker, in the order of the text. */
  readonly diagnostics: readonly Diagnostic[];
}

export function checkText(text: string, file = 'gateway.masq'): CheckedText {
  const source = { file, text };
  const document = parse(source);
  const { model, diagnostics } = check([document], { sources: [source] });
  return { text, document, model, diagnostics: [...document.diagnostics, ...diagnostics] };
}

/** Splits `«marked»` text into the text and the places that were marked. */
export function unmark(marked: string): { text: string; places: readonly { start: number; end: number }[] } {
  let text = '';
  const places: { start: number; end: number }[] = [];
  for (const part of marked.split(/(«[^»]*»)/)) {
    if (!part.startsWith('«')) text += part;
    else {
      places.push({ start: text.length, end: text.length + part.length - 2 });
      text += part.slice(1, -1);
    }
  }
  return { text, places };
}

export function describe(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(({ code, span, message }) => `${code} ${span.line}:${span.column} ${message}`).join('\n');
}

export function applyFix(text: string, { fixes }: Diagnostic, index = 0): string {
  const fix = fixes[index];
  if (fix === undefined) throw new Error('there is no such fix');
  return text.slice(0, fix.span.start) + fix.replacement + text.slice(fix.span.end);
}
