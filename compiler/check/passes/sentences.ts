/** What decides, in the order of the files, so that rule ids follow it. */
import type { BlockDecl } from '../../../grammar/ast.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { isFirst } from './declare.ts';
import { resolveExpectation } from './expectations.ts';
import { resolveGateway } from './gateway.ts';
import { resolveMap } from './maps.ts';
import { resolveMasquerade } from './masquerades.ts';
import { resolvePolicy } from './policies.ts';
import { resolveRedirect } from './redirects.ts';

/** The kernel stores a rule id in 16 bits: native/datapath/packet.h. */
const MOST_RULES = 65_535;

export function resolveDecisions(context: Context): void {
  for (const { declarations } of context.documents) {
    for (const declaration of declarations) {
      if (declaration.kind === 'gateway' && isFirst(context, declaration)) resolveGateway(context, declaration);
      else if (declaration.kind === 'policy' && isFirst(context, declaration)) resolvePolicy(context, declaration);
      else if (isBlock(declaration) && isFirst(context, declaration)) resolveBlock(context, declaration);
    }
  }
  const over = context.rules[MOST_RULES];
  if (over !== undefined) {
    context.report.add(CODES.tooMany, over.span, { what: 'lines that decide', limit: MOST_RULES });
  }
}

const isBlock = (declaration: { readonly kind: string }): declaration is BlockDecl =>
  ['masquerade', 'redirect', 'autofw', 'map'].includes(declaration.kind);

function resolveBlock(context: Context, block: BlockDecl): void {
  switch (block.kind) {
    case 'masquerade':
      resolveMasquerade(context, block);
      return;
    case 'redirect':
      resolveRedirect(context, block);
      return;
    case 'map':
      resolveMap(context, block);
      return;
    case 'autofw': {
      const instead = 'a `redirect` of the ports that are to be open';
      context.report.add(CODES.notBuilt, block.name.span, { what: '`autofw` blocks are', instead });
      return;
    }
    default:
      block.kind satisfies never;
  }
}

/** After everything that an expectation may name. */
export function resolveExpectations(context: Context): void {
  for (const { declarations } of context.documents) {
    for (const declaration of declarations) {
      if (declaration.kind === 'expect') resolveExpectation(context, declaration);
    }
  }
}
