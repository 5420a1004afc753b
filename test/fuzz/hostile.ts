/** Texts and numbers as nobody expects them: arbitraries for the fuzz tests. */

import fc from 'fast-check'

/** One of the words of these lines. */
export const wordOf = (...lines: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...lines.flatMap(line => line.split(' ')))

/** Pieces put one behind the other. */
export const rowOf = (piece: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> =>
  fc.array(piece, { maxLength }).map(pieces => pieces.join(''))

const special = fc.oneof(
  wordOf('" \' \\ ; = , % %22 %0D%0A * / .. : -- & &amp; &lt &copy=2 < > a con 图 😀 é e\u0301'),
  wordOf('; filename="evil" utf-8\'\' __proto__ constructor', 'x'.repeat(90)),
  // Controls, what turns or hides text, and halves of a character.
  wordOf(
    '\0 \r \n \r\n \t \u000b \u007f \u0085 \u00a0 \u00ad \u200b \u200e \u202a \u202e \u2028 \u2066 \ufeff',
  ),
  wordOf('\ud800 \udc00 \uffff \r\n\r\n \r\n-- \r\nX-Evil:1'),
  fc.constant(' '),
)

/** Any code units, lone surrogates too; and what is likely to break a header, a path, a line, a document. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  rowOf(special, 14),
  rowOf(fc.oneof(special, fc.string({ unit: 'binary', maxLength: 4 })), 10),
)

/** Numbers that one reader takes and another does not. */
export const hostileNumber: fc.Arbitrary<string> = fc.oneof(
  fc.nat().map(String),
  fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String),
  wordOf('-1 +1 1.5 1e3 0x10 ٣ ① 007 9007199254740993 NaN *'),
  fc.constantFrom('', ' 1', '1 '),
)
