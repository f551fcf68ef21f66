/** Gathers what the files declare, so that names can be used before they are declared. */
import type { Declaration } from '../../../grammar/ast.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { withArticle } from '../words.ts';

const THE_TEXT_START = { start: 0, end: 0, line: 1, column: 1 };

export function declareNames(context: Context): void {
  for (const { declarations } of context.documents) {
    for (const declaration of declarations) declare(context, declaration);
  }
  const entry = context.documents[0];
  if (context.names.gateways.length === 0 && entry !== undefined && !context.report.incomplete) {
    context.report.add(CODES.noGateway, { file: entry.file, ...THE_TEXT_START }, undefined);
  }
}

function declare(context: Context, declaration: Declaration): void {
  const { names, report } = context;
  switch (declaration.kind) {
    case 'gateway': {
      const first = names.gateways[0];
      names.gateways.push(declaration);
      if (first === undefined) return;
      report.add(
        CODES.secondGateway,
        declaration.name.span,
        { first: first.name.text },
        { related: [{ span: first.name.span, message: 'the first gateway' }] },
      );
      return;
    }
    case 'interface':
    case 'zone':
    case 'network':
    case 'host':
    case 'set':
    case 'service':
      put(context, names.things, declaration);
      return;
    case 'policy':
    case 'masquerade':
    case 'redirect':
    case 'autofw':
    case 'map':
      put(context, names.owners[declaration.kind], declaration);
      return;
    case 'expect':
    case 'include':
      return;
    default:
      declaration satisfies never;
  }
}

/** The first of a name counts; each further one is reported. */
function put<D extends Extract<Declaration, { name: object }>>(
  context: Context,
  map: Map<string, D>,
  declaration: D,
): void {
  const { text, span } = declaration.name;
  const first = map.get(text);
  if (first === undefined) {
    map.set(text, declaration);
    return;
  }
  context.report.add(
    CODES.duplicateName,
    span,
    { name: text, what: withArticle(first.kind) },
    { related: [{ span: first.name.span, message: 'first declared here' }] },
  );
}

/** Is this declaration the one that its name stands for? A second one of the name is not looked at any further. */
export function isFirst(context: Context, declaration: Extract<Declaration, { name: object }>): boolean {
  switch (declaration.kind) {
    case 'gateway':
      return context.names.gateways[0] === declaration;
    case 'policy':
    case 'masquerade':
    case 'redirect':
    case 'autofw':
    case 'map':
      return context.names.owners[declaration.kind].get(declaration.name.text) === declaration;
    default:
      return context.names.things.get(declaration.name.text) === declaration;
  }
}
