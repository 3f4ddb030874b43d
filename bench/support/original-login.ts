/** As the administrator; gives the header Cookie. */
export async function logIntoOriginal(url: string, password: string): Promise<string> {
  const page = await fetch(`${url}/accounts/login/`);
  const token = /csrftoken=([^;]+)/.exec(page.headers.getSetCookie().join("\n"))?.[1] ?? "";
  const form = { username: "admin", password, csrfmiddlewaretoken: token, this_is_the_login_form: "1", next: "/" };
  const answer = await fetch(`${url}/accounts/login/`, {
    method: "POST",
    body: new URLSearchParams(form),
    headers: { cookie: `csrftoken=${token}`, referer: `${url}/accounts/login/` },
    redirect: "manual",
  });
  return answer.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .join("; ");
}
