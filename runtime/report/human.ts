/** Diagnostics for people: the message, the line with a mark under what is meant, what was expected, how to mend it. */
import type { Diagnostic, Fix, Severity } from '../../grammar/diagnostic.ts';
import type { SourceText, Span } from '../../grammar/span.ts';
import type { Colours } from '../cli/io.ts';
import { type Excerpt, takeExcerpt, takeMended } from './excerpt.ts';
import { showText } from './text-width.ts';

type Paint = (text: string) => string;

/** The text for all of them, ending with a line that counts them; nothing for none. */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: readonly SourceText[],
  colours: Colours,
): string {
  if (diagnostics.length === 0) return '';
  const renderer = new Renderer(sources, colours, diagnostics);
  return `${diagnostics.map((one) => renderer.render(one)).join('\n')}\n${renderer.summary(diagnostics)}\n`;
}

class Renderer {
  readonly #sources: readonly SourceText[];
  readonly #colours: Colours;
  readonly #gutter: number;

  constructor(sources: readonly SourceText[], colours: Colours, diagnostics: readonly Diagnostic[]) {
    const lines = diagnostics.flatMap(({ span, related }) => [span.line, ...related.map((one) => one.span.line)]);
    this.#sources = sources;
    this.#colours = colours;
    this.#gutter = String(lines.reduce((most, line) => Math.max(most, line), 1)).length;
  }

  render(diagnostic: Diagnostic): string {
    const { code, severity, message, span, path, expected, related, fixes } = diagnostic;
    const { bold, cyan, green } = this.#colours;
    const paint = this.#paintOf(severity);
    const lines = [
      `${bold(paint(`${severity}[${code}]`))}${bold(`: ${showText(message)}`)}`,
      ...this.#place(span, path),
    ];
    lines.push(...this.#quote(takeExcerpt(this.#sources, span), span.line, '^', paint));
    if (expected !== undefined && expected !== '')
      lines.push(this.#under(`${bold('expected:')} ${showText(expected)}`));
    for (const { span: place, message: why } of related) {
      lines.push(`${bold(cyan('note'))}: ${showText(why)}`, ...this.#place(place));
      lines.push(...this.#quote(takeExcerpt(this.#sources, place), place.line, '-', cyan));
    }
    for (const fix of fixes) {
      lines.push(`${bold(green('help'))}: ${showText(fix.title)}`);
      lines.push(...this.#mended(fix));
    }
    return `${lines.join('\n')}\n`;
  }

  summary(diagnostics: readonly Diagnostic[]): string {
    const count = (severity: Severity) => diagnostics.filter((one) => one.severity === severity).length;
    const parts = (['error', 'warning', 'note'] as const)
      .map((severity) => ({ severity, n: count(severity) }))
      .filter(({ n }) => n > 0)
      .map(({ severity, n }) => this.#paintOf(severity)(`${n} ${severity}${n === 1 ? '' : 's'}`));
    return this.#colours.bold(parts.join(', '));
  }

  #paintOf(severity: Severity): Paint {
    const { red, yellow, cyan } = this.#colours;
    return { error: red, warning: yellow, note: cyan }[severity];
  }

  #bar(label = ''): string {
    return this.#colours.blue(`${label.padStart(this.#gutter)} |`);
  }

  #under(text: string): string {
    return `${this.#colours.blue(`${' '.repeat(this.#gutter)} =`)} ${text}`;
  }

  #place({ file, line, column }: Span, path = ''): string[] {
    const place = `${showText(file)}:${line}:${column}${path === '' ? '' : ` ${showText(path)}`}`;
    return [`${' '.repeat(this.#gutter)}${this.#colours.blue('-->')} ${place}`];
  }

  #quote(excerpt: Excerpt | null, line: number, mark: string, paint: Paint): string[] {
    if (excerpt === null) return [];
    const { text, before, width } = excerpt;
    const marks = `${' '.repeat(before)}${paint(mark.repeat(width))}`;
    return [this.#bar(), `${this.#bar(String(line))} ${text}`, `${this.#bar()} ${marks}`];
  }

  /** The line as it would be; nothing for a fix that takes more than a line, or takes something away. */
  #mended({ span, replacement }: Fix): string[] {
    const excerpt = replacement === '' ? null : takeMended(this.#sources, span, replacement);
    return this.#quote(excerpt, span.line, span.start === span.end ? '+' : '~', this.#colours.green);
  }
}
