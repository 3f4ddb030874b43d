/** How a file came in. Stored with it; adding one needs a label in web. */
export type UploadChannel = "ftp" | "ftps" | "http" | "https" | "sftp";
