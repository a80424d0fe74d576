import { assertEquals } from "@std/assert";
import { OFFSETS, parseTcpInfo, TCP_INFO_BYTES } from "../../../src/network/linux/tcp_info.ts";
import { inFolder } from "../../support/folder.ts";
import { isInstalled, outputOf } from "../../support/program.ts";

Deno.test("parseTcpInfo() reads each field from its own place", () => {
  const view = new DataView(new ArrayBuffer(TCP_INFO_BYTES));
  for (const [i, [name, offset]] of Object.entries(OFFSETS).entries()) {
    if (name === "tcpi_state") view.setUint8(offset, 8);
    else if (name === "tcpi_retransmits") view.setUint8(offset, i);
    else view.setUint32(offset, 1_000 * i, true);
  }
  assertEquals({ ...parseTcpInfo(view) }, {
    state: "close-wait",
    retransmits: 1,
    retransmitTimeoutInMillis: 2,
    segmentSize: 3_000,
    unconfirmedSegments: 4_000,
    lostSegments: 5_000,
    pathMtu: 6_000,
    roundTripTimeInMillis: 7,
    roundTripVarianceInMillis: 8,
    slowStartThreshold: 9_000,
    congestionWindow: 10_000,
    totalRetransmits: 11_000,
    confirmedBytes: 12_000,
    receivedBytes: 13_000,
    unsentBytes: 14_000,
    minRoundTripTimeInMillis: 15,
    deliveryRateInBytesPerSecond: 16_000,
  });
});

Deno.test("parseTcpInfo() says what is not known yet", () => {
  const view = new DataView(new ArrayBuffer(TCP_INFO_BYTES));
  assertEquals(parseTcpInfo(view).minRoundTripTimeInMillis, undefined);
  view.setUint32(OFFSETS.tcpi_min_rtt, 0xffffffff, true);
  view.setUint32(OFFSETS.tcpi_snd_ssthresh, 0x7fffffff, true);
  const { minRoundTripTimeInMillis, slowStartThreshold, state } = parseTcpInfo(view);
  assertEquals([minRoundTripTimeInMillis, slowStartThreshold, state], [
    undefined,
    Infinity,
    "closed",
  ]);
});

const isHere = Deno.build.os === "linux" && await isInstalled("cc");
if (!isHere) console.log("skipped: struct tcp_info beside the system's header: there is no cc");

Deno.test({
  name: "tcp_info.ts has the layout of the system's header",
  ignore: !isHere,
  fn: () =>
    inFolder(async (folder) => {
      const names = Object.keys(OFFSETS);
      await Deno.writeTextFile(
        `${folder}/a.c`,
        `#include <linux/tcp.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n${
          names.map((name) => `printf("%d\\n", (int)offsetof(struct tcp_info, ${name}));`).join(
            "\n",
          )
        }\n}\n`,
      );
      await outputOf("cc", ["-o", `${folder}/a`, `${folder}/a.c`]);
      const theirs = (await outputOf(`${folder}/a`, [])).trim().split("\n").map(Number);
      assertEquals(Object.values(OFFSETS).map(Number), theirs);
    }),
});
