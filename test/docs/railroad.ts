/** Railroad diagrams of a syntax, as SVG that needs nothing from elsewhere. Lengths in pixels. */

import { write } from './ebnf.ts';
import type { Syntax } from './syntax.ts';

const CHARACTER = 7.3; // of the 12 px font
const HALF = 11; // of a box's height
const GAP = 14; // between rows
const ARC = 8;
const RAIL = 10;

/** What is drawn to the right of (0, 0), where its rail begins; the rail ends at (width, 0). */
interface Drawing {
  readonly width: number;
  readonly up: number;
  readonly down: number;
  readonly svg: string;
}

const escapeXml = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
const at = (x: number, y: number, { svg }: Drawing): string => `<g transform="translate(${x} ${y})">${svg}</g>`;
const path = (d: string): string => `<path d="${d}"/>`;

function box(text: string, kind: 'word' | 'shape' | 'clause'): Drawing {
  const width = Math.ceil(text.length * CHARACTER) + 18;
  const round = kind === 'word' ? ` rx="${HALF}"` : '';
  const rect = `<rect class="${kind}" y="${-HALF}" width="${width}" height="${2 * HALF}"${round}/>`;
  return { width, up: HALF, down: HALF, svg: `${rect}<text x="${width / 2}" y="4">${escapeXml(text)}</text>` };
}

function draw(syntax: Syntax): Drawing {
  switch (syntax.kind) {
    case 'word':
    case 'shape':
      return box(syntax.text, syntax.kind);
    case 'clause':
      return box(syntax.name, 'clause');
    case 'sequence':
      return inRow(syntax.items.map(draw));
    case 'choice':
      return oneOf(syntax.items.map(draw));
    case 'optional':
      return oneOf([{ width: 0, up: 0, down: 0, svg: '' }, draw(syntax.item)]);
    case 'list':
      return again(draw(syntax.item));
  }
}

function inRow(items: readonly Drawing[]): Drawing {
  let x = 0;
  let svg = '';
  for (const [index, item] of items.entries()) {
    if (index > 0) {
      svg += path(`M${x} 0h${RAIL}`);
      x += RAIL;
    }
    svg += at(x, 0, item);
    x += item.width;
  }
  return {
    width: x,
    up: Math.max(...items.map(({ up }) => up)),
    down: Math.max(...items.map(({ down }) => down)),
    svg,
  };
}

/** The first on the rail, the others below it. */
function oneOf(items: readonly Drawing[]): Drawing {
  const inner = Math.max(...items.map(({ width }) => width));
  const width = inner + 4 * ARC;
  let y = 0;
  let below = 0;
  let svg = '';
  for (const [index, item] of items.entries()) {
    if (index > 0) y += below + GAP / 2 + item.up;
    below = item.down;
    const end = 2 * ARC + item.width;
    if (index === 0) svg += path(`M0 0h${2 * ARC}M${end} 0H${width}`);
    else {
      const down = `a${ARC} ${ARC} 0 0 1 ${ARC} ${ARC}V${y - ARC}a${ARC} ${ARC} 0 0 0 ${ARC} ${ARC}`;
      const up = `H${width - 2 * ARC}a${ARC} ${ARC} 0 0 0 ${ARC} ${-ARC}V${ARC}a${ARC} ${ARC} 0 0 1 ${ARC} ${-ARC}`;
      svg += path(`M0 0${down}M${end} ${y}${up}`);
    }
    svg += at(2 * ARC, y, item);
  }
  return { width, up: items[0]?.up ?? 0, down: y + below, svg };
}

/** One or more, with a comma on the way back. */
function again(item: Drawing): Drawing {
  const comma = box(',', 'word');
  const inner = Math.max(item.width, comma.width);
  const width = inner + 4 * ARC;
  const y = item.down + GAP / 2 + HALF;
  const [left, right] = [ARC, width - ARC];
  const back = (width - comma.width) / 2;
  const svg = [
    path(`M0 0h${2 * ARC}M${2 * ARC + item.width} 0H${width}`),
    path(`M${2 * ARC} 0a${ARC} ${ARC} 0 0 0 ${-ARC} ${ARC}V${y - ARC}a${ARC} ${ARC} 0 0 0 ${ARC} ${ARC}H${back}`),
    path(
      `M${right - ARC} 0a${ARC} ${ARC} 0 0 1 ${ARC} ${ARC}V${y - ARC}a${ARC} ${ARC} 0 0 1 ${-ARC} ${ARC}H${back + comma.width}`,
    ),
    at(2 * ARC, 0, item),
    at(back, y, comma),
  ];
  return { width: Math.max(width, left), up: item.up, down: y + HALF, svg: svg.join('') };
}

const STYLE = [
  'path{fill:none;stroke:#57606a;stroke-width:1.5}',
  'rect{stroke:#57606a;stroke-width:1.2}',
  'rect.word{fill:#dafbe1}rect.shape{fill:#ddf4ff}rect.clause{fill:#fff8c5}',
  'text{font:12px ui-monospace,Menlo,Consolas,monospace;text-anchor:middle;fill:#1f2328}',
].join('');

/** A picture with a row for each sentence. */
export function drawSentences(sentences: readonly Syntax[]): string {
  const rows = sentences.map(draw);
  const width = Math.max(...rows.map((row) => row.width)) + 60;
  let y = 10;
  let svg = '';
  for (const row of rows) {
    y += row.up;
    const end = 30 + row.width;
    svg += path(`M10 ${y}h20M${end} ${y}h20`);
    for (const x of [10, 14, end + 16, end + 20]) svg += path(`M${x} ${y - 6}v12`);
    svg += `${at(30, y, row)}\n`;
    y += row.down + GAP;
  }
  const title = escapeXml(sentences.map(write).join('\n'));
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}">`;
  const page = `<rect width="${width}" height="${y}" style="fill:#fff;stroke:none"/>`;
  return `${head}\n<title>${title}</title>\n<style>${STYLE}</style>\n${page}\n${svg}</svg>\n`;
}
