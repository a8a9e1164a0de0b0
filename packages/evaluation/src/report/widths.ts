/** How wide a picture is drawn, in pixels, and its id. */
export interface PictureWidth {
  readonly width: number;
  /** Whether it is for a telephone: fewer ticks, shorter texts. */
  readonly isNarrow: boolean;
  readonly id: string;
}

/** A picture across the page, drawn twice: for a screen or paper, and for a telephone, where the first would be too small to read. */
export function inBothWidths(id: string, drawn: (picture: PictureWidth) => string): string {
  const wide = drawn({ width: 1080, isNarrow: false, id });
  const narrow = drawn({ width: 400, isNarrow: true, id: `${id}-narrow` });
  return `<div class="scroll full">${wide}</div>\n<div class="narrow">${narrow}</div>`;
}
