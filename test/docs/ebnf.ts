/** A syntax in words: `[x]` may be left out, `a | b` is one of them, `x, …` is a list. */
import type { Syntax } from './syntax.ts';

export function write(syntax: Syntax): string {
  switch (syntax.kind) {
    case 'word':
      return syntax.text;
    case 'shape':
      return syntax.text;
    case 'clause':
      return `‹${syntax.name}›`;
    case 'sequence':
      return syntax.items.map((item) => (item.kind === 'choice' ? `(${write(item)})` : write(item))).join(' ');
    case 'choice':
      return syntax.items.map(write).join(' | ');
    case 'optional':
      return `[${write(syntax.item)}]`;
    case 'list':
      return `${syntax.item.kind === 'choice' || syntax.item.kind === 'sequence' ? `(${write(syntax.item)})` : write(syntax.item)}, …`;
  }
}
