// The manifests for Kubernetes in examples/ and docs/, by the schemas of Kubernetes.

import { assert, assertEquals } from "@std/assert";
import { parse } from "npm:yaml@2.9.1";
import { complaintsAbout, type Manifest, manifestsIn } from "../support/manifests.ts";
import { repositoryFiles, root } from "../support/source.ts";

const text = (path: string) => Deno.readTextFile(new URL(path, root));
const service = () => text("examples/service/kubernetes.yaml").then(manifestsIn);

/** The one container of a deployment. */
function containerOf(deployment: Manifest): Manifest {
  const { containers } = deployment.spec.template.spec;
  assertEquals(containers.length, 1);
  return containers[0];
}

Deno.test("complaintsAbout() finds what is wrong with a manifest", async () => {
  const mistakes: Record<string, (deployment: Manifest) => void> = {
    ".spec.template.spec.containers.0.readinessProbe.periodSecond: unknown": (deployment) =>
      containerOf(deployment).readinessProbe.periodSecond = 2,
    "/spec/replicas: ": (deployment) => deployment.spec.replicas = "two",
    "/spec/selector: ": (deployment) => delete deployment.spec.selector,
    "There is no schema here for apps/v1 Deploymint": (deployment) =>
      deployment.kind = "Deploymint",
  };
  for (const [expected, mistake] of Object.entries(mistakes)) {
    const [deployment] = await service();
    mistake(deployment);
    const complaints = complaintsAbout(deployment);
    const where = expected === "/spec/selector: " ? "selector" : expected;
    assert(complaints.some((complaint) => complaint.includes(where)), `${expected}: ${complaints}`);
  }
});

Deno.test("Every manifest of the repository is as the schemas of Kubernetes have it", async () => {
  const files = repositoryFiles().filter((path) => /\.(ya?ml|md)$/.test(path));
  const found: string[] = [];
  for (const path of files) {
    const whole = await text(path);
    const parts = path.endsWith(".md")
      ? [...whole.matchAll(/^```ya?ml\n([^]*?)^```/gm)].map(([, part]) => part!)
      : [whole];
    for (const part of parts.filter((part) => /^apiVersion:/m.test(part))) {
      found.push(path);
      for (const manifest of manifestsIn(part)) {
        assertEquals([path, complaintsAbout(manifest)], [path, []]);
      }
    }
  }
  assert(found.includes("examples/service/kubernetes.yaml"));
});

Deno.test("examples/service/kubernetes.yaml finds its own pods and ports", async () => {
  const [deployment, { spec }] = await service();
  const { labels } = deployment.spec.template.metadata;
  assertEquals([deployment.spec.selector.matchLabels, spec.selector], [labels, labels]);
  const { ports, readinessProbe, livenessProbe } = containerOf(deployment);
  const names = ports.map(({ name }: { name: string }) => name);
  const asked = [
    ...[readinessProbe, livenessProbe].map(({ httpGet }) => httpGet.port),
    ...spec.ports.map(({ targetPort }: { targetPort: string }) => targetPort),
  ];
  assertEquals(asked.filter((port) => !names.includes(port)), []);
  const image = await text("examples/service/Containerfile");
  const exposed = /^EXPOSE (.*)$/m.exec(image)![1]!.split(" ").map(Number);
  assertEquals(
    ports.map(({ containerPort }: { containerPort: number }) => containerPort),
    exposed,
  );
});

Deno.test("The lines that docs/scale.md changes fit into the manifest", async () => {
  const guide = await text("docs/scale.md");
  const [, lines] = /these lines of the manifest change:\n\n```yaml\n([^]*?)```/.exec(guide)!;
  const changes = parse(lines!);
  const [deployment] = await service();
  const container = containerOf(deployment);
  assertEquals(Object.keys(changes).filter((name) => !(name in container)), []);
  Object.assign(container, changes);
  assertEquals(complaintsAbout(deployment), []);
});
