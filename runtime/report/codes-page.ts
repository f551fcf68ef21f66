/** docs/codes.md, the one text about codes, read: `masqc explain` shows it, and a test compares it with the registries. */

export interface CodeSection {
  readonly code: string;
  readonly title: string;
  /** The heading that it stands under, e.g. `Sentences`. */
  readonly chapter: string;
  /** Paragraphs in Markdown, each on one line. */
  readonly meaning: readonly string[];
  /** Lines of a file that raise the code, and the same mended; null where an example is told in words. */
  readonly wrong: string | null;
  readonly right: string | null;
  readonly example: string | null;
  readonly mend: string;
}

export interface CodesPage {
  /** What the examples stand below, unless they have a `gateway` of their own. */
  readonly network: string;
  readonly sections: readonly CodeSection[];
}

export function readCodesPage(page: string): CodesPage {
  let chapter = '';
  const sections: CodeSection[] = [];
  for (const part of page.split(/^(?=###? )/m)) {
    const [head = '', ...lines] = part.split('\n');
    if (head.startsWith('## ')) chapter = head.slice(3).replace(/ \(.*\)$/, '');
    if (head.startsWith('### ')) sections.push(readSection(head, lines.join('\n'), chapter));
  }
  return { network: fences(page)[0] ?? '', sections };
}

const FENCE = /^```masq\n(.*?\n)```$/gms;
const fences = (text: string): string[] => [...text.matchAll(FENCE)].map(([, lines = '']) => lines);

function readSection(head: string, text: string, chapter: string): CodeSection {
  const [, code = '', title = ''] = /^### (MQ\d{3}) (.+)$/.exec(head) ?? [];
  const paragraphs = text.replaceAll(FENCE, '').split(/\n{2,}/);
  const plain = paragraphs.map((one) => one.trim().replaceAll('\n', ' ')).filter((one) => one !== '');
  const labelled = (label: string) => plain.find((one) => one.startsWith(label))?.slice(label.length) ?? null;
  const [wrong = null, right = null] = fences(text);
  return {
    code,
    title,
    chapter,
    meaning: plain.filter((one) => !one.startsWith('**')),
    wrong,
    right,
    example: labelled('**For example:** '),
    mend: labelled('**Mend:** ') ?? '',
  };
}
