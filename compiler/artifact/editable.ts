import type { Model, Rule, Sides, TableId } from '../model.ts';

/**
 * May the table be edited while packets are decided? Additions come first and then deletions, so that each address is
 * as it was or as it will be. That is one generation or the other for a packet whose source alone (or destination
 * alone) is looked up, and where the table only denies, the packet is never let in by neither. In other files an edit
 * takes another generation.
 */
export function isEditable(model: Model, table: TableId): boolean {
  const rules = [...model.gateway.rules, ...model.policies.flatMap((policy) => policy.rules)];
  const asksSource =
    rules.some(({ from }) => asks(from, table)) ||
    model.redirects.some(({ allowFrom }) => asks(allowFrom, table)) ||
    model.masquerades.some(({ from }) => asks(from, table));
  const asksDestination = rules.some(({ to }) => asks(to, table));
  if (!asksSource || !asksDestination) return true;
  return (
    !model.redirects.some(({ allowFrom }) => asks(allowFrom, table)) &&
    !model.masquerades.some(({ from }) => asks(from, table)) &&
    rules.every((rule) => onlyDenies(rule, table))
  );
}

function onlyDenies({ decision, from, to }: Rule, table: TableId): boolean {
  if (!asks(from, table) && !asks(to, table)) return true;
  return decision !== 'allow' && ![from, to].some(({ except }) => except?.tables.includes(table));
}

function asks({ include, except }: Sides, table: TableId): boolean {
  return include.tables.includes(table) || except?.tables.includes(table) === true;
}
