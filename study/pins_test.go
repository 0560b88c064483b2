package study

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/study/graph"
)

// pinned holds, for each study at the scales tiny and mini, the SHA-256 of the sorted names of
// its steps, a line each. Long trainings are stored under these names: whoever changes one
// loses them.
var pinned = map[string][2]string{
	"winograd": {
		"f1289efb8dc6d6ef1fb954bc61dbacc49369464c6aa35d41bd5e11f8a5847a4a",
		"81d8fd3c5a82dd335244d68109bc7b56f12f0aaf4f3c2265b3f500dca1f4194a",
	},
	"depth": {
		"910a10b1e0869c9c43fd6af7d6c5251d6002e6bfb724853ab556e420c3e0e9c2",
		"fb693a02356b03c42ffd680032fa8c85d1c6706872d9cf988f36e0a0abc57d02",
	},
	"census": {
		"910a10b1e0869c9c43fd6af7d6c5251d6002e6bfb724853ab556e420c3e0e9c2",
		"fb693a02356b03c42ffd680032fa8c85d1c6706872d9cf988f36e0a0abc57d02",
	},
	"architectures": {
		"ad2635c3e8d1fab51c4b80abcaff0777a917c85c7ce52044a6d97d7421defbae",
		"558dfc118b2b40143c5bd8abace53e0d17ad00a92c8e57cbf409b50a666e3e85",
	},
	"attention": {
		"c085679afc250b251b5f6a3264312414d3e129e24977bb276366300e7867ea10",
		"089e6273d55646ea94c129f7f817acd023a6dbaaea561aa336f314a4c048d635",
	},
	"atypical": {
		"5964b2bf85ccdc415595067ed0038e104fe4afcb4468483a55b7ec8473cfbd37",
		"325bbab437286409d8dc6b0fe6aec80bee5b6e5619edc8b25267a687461149a5",
	},
	"consistency": {
		"5964b2bf85ccdc415595067ed0038e104fe4afcb4468483a55b7ec8473cfbd37",
		"325bbab437286409d8dc6b0fe6aec80bee5b6e5619edc8b25267a687461149a5",
	},
	"count": {
		"5964b2bf85ccdc415595067ed0038e104fe4afcb4468483a55b7ec8473cfbd37",
		"325bbab437286409d8dc6b0fe6aec80bee5b6e5619edc8b25267a687461149a5",
	},
	"distance": {
		"67f1d38212239117286ee28ecfa6197dce53a6b621a5a74b739eb4fe9241d6e7",
		"ddc10e8fc04ae91557007d4483105e933f590beb6c4b2dd7cef13d8d62cb01f3",
	},
	"frameworks": {
		"a5b80c61dbc0e78e921c597988089f8bbe1bf24ff25646c31ca2c05f2afbff33",
		"31920fbf27c8c7296de6fe2d76475ea4552b5ccedda4b97a74da9ffaf299abf2",
	},
	"finetune": {
		"8c466d53b4c8baae966220409630a0dba780fdd5a11582316e1514025cfec39d",
		"ce42377500609b70a54f70a32d420a4ef7592f502a8de69ee0f9273d5d922dbf",
	},
	"pruning": {
		"348bff8a90dcbdf35b7686a769310f846dea80cc94ddb2604c827cd5d9392fd1",
		"d4de2e1c4aef188084f93eedc530f12441cee86fbf7addfa4669a218a71161fb",
	},
	"swaps": {
		"74f7eb81e7ba68d5c4a8060bbdc578096ee4ae1a21194ad6e7a58c96db21557f",
		"925cdf58d3bfdf828cd98a930e9cf97965792324d0a312e985bcb24aca783efc",
	},
	"blocks": {
		"359b0e7267b199083f310a06d2241d23ea5264fad32d9c74b482ee9a971455ad",
		"88e420489905ba6ca1c15d860b1ca49749795334e17e6706d5238a1e8c35481d",
	},
	"norms": {
		"a5c9a12af3076c0798dab083020b8ccc6f2bdfdfefca4cdbe4cfb7a659a2855a",
		"fa797c4ad95299b7540b9b900b922c308a48fe8d0fb94b263c66c473851cf1e1",
	},
	"points": {
		"5f5e6c2ff302546c0965af2fd221042275d1ea9696f30d903ca090bdf05f2c26",
		"5502792be23af26a318e2bf3612f6021b5a396173ae2a01923b99818095efed2",
	},
	"unitmem": {
		"5964b2bf85ccdc415595067ed0038e104fe4afcb4468483a55b7ec8473cfbd37",
		"325bbab437286409d8dc6b0fe6aec80bee5b6e5619edc8b25267a687461149a5",
	},
	"onepoint": {
		"ea2c909ed75af7cc28f1ef5511782842cda40b1b4a73cd6c4440016ffab0f288",
		"9f6e9276492439bc9e3f5b915f42e5791c6debc5350676a32a49c03b44956408",
	},
	"supervised": {
		"7201290f14b1743ac535a1a021d75b0d2768a4d91d474b28023f521ccc55a691",
		"923c54f6a2ef2fa2a078bda71b1302e361b6b7e4ee1212d3363f9c5b74f92bcb",
	},
	"transformer": {
		"ce6e8331578b645446ce35ad99cdc8d2456dc7bde04f558c510a703de0760d10",
		"f80b7c7faf0c6b94259f268373c96ffa237f42480031ec090c2e3f5cc3875db7",
	},
	"gallery": {
		"607c98d4493c24348d9652a7da6d7a8e3f6636d82aef1522f24948817d686bdd",
		"9625821fe5f5a57d3dd31c6425c7a85fc1d766464a91a5f3956f5a7be2de2cb1",
	},
	"augmentation": {
		"d53067fc71290fd5340c5f73086f3ae555257b9dffc7c7aaf686c789ea634722",
		"c3d426fafad623a6fb23677c7943ad8186800fc44b7dea5605d9e5f6e741b6d0",
	},
	"time": {
		"644431ebc6f29dc1af14f1d67d18cade3158c7596278072e1e03bdc508987919",
		"c50b23d08e99a97802f57c8fb938b26d6806154ab76b8f27286d3b066f6f6fc6",
	},
	"decay": {
		"3e000f455c5acfe6af6d38d7253175a0e67c240fefdd1288363e9b03cdb9fc06",
		"95daf90501bdf5407f8aaa25229aa84e840fd6c8641c3bc154999aeea12e7bf6",
	},
	"privacy": {
		"212e784f77e783e7826b1087c63258a6c42d9797b2fa9cbc4b4790706f88d270",
		"b8eef9c784b287fad2ec860aef952a02adb78059d5c4da17a72153947edf239d",
	},
	"overlap": {
		"4e82b11950ca83ee99aeba0fbadc48fc42681b4d5b8d3cd676bcb5402e831744",
		"97ed91c9d0443dfdd8b21f8fd70b3b465ee4ece4224c53afd80eb0dc55b0a205",
	},
	"duration": {
		"150fa883b3fd8c52ee83eefa3533a22544509e89327464bb4f32689e09b88db3",
		"5e09492b4496172197ba3e8279a6dce4231815e5204e417923011ae996baa9ed",
	},
	"datasets": {
		"931eae8408abc6be963f2715a9d313d7e5cb890043d17eba149d79881d6740d1",
		"8b1a508e33f91efe6e7008bfc487b93b4d29162770836651b6e41e8356cb8bae",
	},
	"initialisation": {
		"e30df3d988e6a4b4465b9ad6c6d0a3f7d012fcc9ff3092e46851c5f3f8f56287",
		"78bf0bff7fce717858272b8954cb45b28fe472f931897f4b090be04630b052f0",
	},
}

// The steps of all studies keep their names.
func TestStepsKeepTheirNames(t *testing.T) {
	for name, want := range pinned {
		found, err := Find(name)
		require.NoError(t, err)
		for i, scale := range []string{"tiny", "mini"} {
			p, err := found[0].Plan(Setting{Scale: scale, Seed: 1, DataDir: "DIR"})
			require.NoError(t, err)
			assert.Equal(t, want[i], namesHash(p.Steps), "%s at scale %s", name, scale)
		}
	}
}

// A step that is read back from a store has the text of its recipe only, and the same name.
func TestStepsFromTextKeepTheirNames(t *testing.T) {
	p, err := swaps.Plan(Setting{Scale: "tiny", Seed: 1})
	require.NoError(t, err)
	st := graph.NewStore(t.TempDir())
	require.NoError(t, st.Plan(p.Steps))
	last := p.Steps[len(p.Steps)-1]
	back, err := st.Find(last.Name())
	require.NoError(t, err)
	assert.Nil(t, back.Params().(swapParams).parsed)
	assert.Equal(t, last.Hash(), back.Hash())
}

func namesHash(steps []*graph.Step) string {
	var names []string
	for _, s := range graph.Order(steps) {
		names = append(names, s.Name()+"\n")
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, "")))
	return hex.EncodeToString(sum[:])
}
