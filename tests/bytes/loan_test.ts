import { assertEquals } from "@std/assert";
import { type Borrower, Loan, loanOf } from "../../src/bytes/loan.ts";

/** Somebody who has got lent bytes. */
function borrower(needsBytes: boolean, canCopy: boolean): Borrower & { copies: number } {
  return {
    needsBytes,
    copies: 0,
    copy() {
      this.copies++;
      return canCopy;
    },
  };
}

Deno.test("Loan is found by any view of the buffer while it is out, and not before or after", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const loan = new Loan();
  assertEquals([loanOf(bytes), loan.isOut], [undefined, false]);
  loan.begin(bytes.subarray(1));
  assertEquals([loanOf(new Uint8Array(bytes.buffer, 2)), loanOf(new Uint8Array(3))], [
    loan,
    undefined,
  ]);
  assertEquals(loan.end(false), false);
  assertEquals([loanOf(bytes), loan.isOut, [...bytes]], [undefined, false, [1, 2, 3]]);
});

Deno.test("Loan.end() has those copy who need bytes still, and says whether somebody could not", () => {
  const loan = new Loan();
  const bytes = new Uint8Array(3);
  const [done, copying, keeping] = [
    borrower(false, false),
    borrower(true, true),
    borrower(true, false),
  ];
  loan.begin(bytes);
  for (const one of [done, copying]) loan.borrow(one);
  assertEquals([loan.end(true), done.copies, copying.copies], [false, 0, 1]);
  assertEquals([...bytes], [0xdb, 0xdb, 0xdb]);
  loan.begin(bytes.fill(1));
  loan.borrow(keeping);
  assertEquals([loan.end(true), keeping.copies, [...bytes]], [true, 1, [1, 1, 1]]);
  assertEquals([loan.end(true), keeping.copies], [false, 1]);
});

Deno.test("Loan that is forgotten leaves the bytes alone", () => {
  const loan = new Loan();
  const bytes = new Uint8Array(1);
  const keeping = borrower(true, true);
  loan.begin(bytes);
  loan.borrow(keeping);
  loan.forget();
  assertEquals([loanOf(bytes), loan.end(true), keeping.copies, bytes[0]], [undefined, false, 0, 0]);
});

Deno.test("Loan of bytes that were transferred away ends like any other", () => {
  const loan = new Loan();
  const bytes = new Uint8Array(8);
  loan.begin(bytes);
  bytes.buffer.transfer();
  assertEquals(loan.end(true), false);
});
