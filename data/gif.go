package data

// showTransparent returns the GIF b with the first frame's transparent colour
// made an ordinary one: package gif would forget its red, green and blue, which
// Pillow keeps. What is no GIF comes back as it is.
func showTransparent(b []byte) []byte {
	const header = 13 // signature and logical screen
	if len(b) < header || string(b[:3]) != "GIF" {
		return b
	}
	at := header
	if b[10]&0x80 != 0 { // global colour table
		at += 3 << (b[10]&7 + 1)
	}
	for at+4 <= len(b) && b[at] == 0x21 { // extensions, up to the first image
		if b[at+1] == 0xf9 && b[at+3]&1 != 0 { // graphic control, with transparency
			out := append([]byte{}, b...)
			out[at+3] &^= 1
			b = out
		}
		for at += 2; at < len(b) && b[at] != 0; { // blocks of a length byte and data
			at += 1 + int(b[at])
		}
		at++
	}
	return b
}
