// Certificates for the examples of secure connections, made with openssl: one authority, and what it signs.

/** Makes ca.pem and, for each name, NAME.pem and NAME.key in a folder. */
export async function makeCertificates(folder: string, ...names: string[]): Promise<void> {
  await make(folder, "ca", "-subj", "/CN=Authority of the example");
  for (const name of names) {
    await make(
      folder,
      name,
      ...["-CA", `${folder}/ca.pem`, "-CAkey", `${folder}/ca.key`, "-subj", `/CN=${name}`],
      ...["-addext", `subjectAltName=DNS:${name}`, "-addext", "basicConstraints=critical,CA:FALSE"],
    );
  }
}

async function make(folder: string, name: string, ...more: string[]): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
  const files = ["-keyout", `${folder}/${name}.key`, "-out", `${folder}/${name}.pem`];
  const args = ["req", "-x509", "-days", "1", ...key, ...files, ...more];
  const { success, stderr } = await new Deno.Command("openssl", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
