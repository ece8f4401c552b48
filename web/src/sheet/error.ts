/** What is wrong with a spreadsheet file; told by i18n's sheet.KEY. */
export class SheetError extends Error {
  constructor(
    readonly key: 'damaged' | 'not-xlsx' | 'too-large' | 'no-sheet' | 'cell-error',
    readonly params: Record<string, string | number> = {},
  ) {
    super(key);
    this.name = 'SheetError';
  }
}
