package recipe

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/recipes"
	"github.com/locimem/locimem/ssl"
)

// change is one of a field that must show: next to some settings it gives another hash,
// and for fields that are no part of hashes another name or another setting of the field.
type change struct {
	set  string
	with string // assignments, separated by blanks
	idle string // those that take the effect away
}

const (
	folder = "data.name=folder data.dir=x"
	vit    = "encoder.name=vit_tiny_patch4"
	res    = "encoder.name=resnet18"
	mae    = vit + " method.name=mae"
	dino   = "method.name=dino"
	moco   = "method.name=mocov2"
	sgd    = "train.optimizer=sgd"
	lars   = "train.optimizer=lars"
	adam   = "train.optimizer=adam"
	secret = mae + " train.private.noise=1"
)

// changes has an entry for every field of recipes, of all methods.
var changes = map[string]change{
	"name": {set: "other"},
	"seed": {set: "2"},
	"data.name": {set: "fashion-mnist",
		with: "data.name=mnist data.dir=x augment.mean=[0.1] augment.std=[0.3]"},
	"data.dir":                      {set: "y", with: folder, idle: "data.name=synthetic"},
	"data.variant":                  {set: "coarse", with: "data.name=cifar100 data.dir=x", idle: "data.name=cifar10"},
	"data.folder.size":              {set: "[32,32]", with: folder, idle: "data.name=synthetic"},
	"data.folder.resize":            {set: "stretch", with: folder, idle: "data.name=synthetic"},
	"data.folder.shorter":           {set: "80", with: folder, idle: folder + " data.folder.resize=stretch"},
	"data.folder.test_every":        {set: "7", with: folder, idle: folder + " data.folder.parts=a/b"},
	"data.folder.parts":             {set: "none", with: folder, idle: "data.name=synthetic"},
	"data.folder.skip_unreadable":   {set: "true", with: folder, idle: "data.name=synthetic"},
	"data.synthetic.train":          {set: "710", idle: folder},
	"data.synthetic.test":           {set: "1010", idle: folder},
	"data.synthetic.classes":        {set: "9", idle: folder},
	"data.synthetic.size":           {set: "16", idle: folder},
	"data.synthetic.atypical_share": {set: "0.2", idle: folder},
	"data.synthetic.seed":           {set: "2", idle: folder},
	"split.mode":                    {set: "crossed"},
	"split.pair":                    {set: "2", with: "split.mode=crossed", idle: "split.mode=random"},
	"split.shared":                  {set: "299"},
	"split.candidate":               {set: "199"},
	"split.independent":             {set: "199"},
	"split.external":                {set: "199"},
	"split.seed": {set: "2", idle: "data.name=cifar10 data.dir=x split.mode=paper split.shared=40000 " +
		"split.candidate=5000 split.independent=5000 split.external=5000"},
	"encoder.name":               {set: "resnet18"},
	"encoder.width":              {set: "1"},
	"encoder.pool":               {set: "avg"},
	"encoder.norm":               {set: "group", idle: vit},
	"encoder.stem":               {set: "imagenet", with: res, idle: "encoder.name=resnet9"},
	"encoder.positions":          {set: "sine", with: vit, idle: res},
	"encoder.drop_path":          {set: "0.1", with: vit, idle: res},
	"encoder.stem_padding":       {set: "2", with: res, idle: vit},
	"encoder.stem_stride":        {set: "2", with: res, idle: vit},
	"encoder.stem_pool":          {set: "max", with: res, idle: vit},
	"encoder.norm_eps":           {set: "1e-3"},
	"encoder.heads":              {set: "1", with: vit, idle: res},
	"encoder.fc_norm":            {set: "true", with: vit, idle: res},
	"encoder.layer_scale":        {set: "1", with: vit, idle: res},
	"encoder.registers":          {set: "2", with: vit, idle: res},
	"encoder.positions_size":     {set: "64", with: vit, idle: res},
	"method.name":                {set: "byol"},
	"method.temperature":         {set: "0.3", idle: "method.name=byol"},
	"method.projector":           {set: "[8]", idle: mae},
	"method.projector_bn":        {set: "true", idle: "method.name=byol"},
	"method.predictor":           {set: "[7]", with: "method.name=byol", idle: dino},
	"method.predictor_lr":        {set: "constant", with: "method.name=simsiam", idle: "method.name=byol"},
	"method.ema":                 {set: "0.5", with: "method.name=byol", idle: "method.name=simsiam"},
	"method.ema_schedule":        {set: "cosine", with: "method.name=byol", idle: "method.name=simsiam"},
	"method.queue":               {set: "401", with: moco, idle: dino},
	"method.bn_splits":           {set: "5", with: moco, idle: dino},
	"method.symmetric":           {set: "true", with: moco, idle: dino},
	"method.lambda":              {set: "0.1", with: "method.name=barlow", idle: dino},
	"method.loss_scale":          {set: "2", with: "method.name=barlow", idle: dino},
	"method.invariance":          {set: "1", with: "method.name=vicreg", idle: dino},
	"method.variance":            {set: "1", with: "method.name=vicreg", idle: dino},
	"method.covariance":          {set: "2", with: "method.name=vicreg", idle: dino},
	"method.prototypes":          {set: "9", with: dino, idle: moco},
	"method.teacher_temperature": {set: "0.1", with: dino, idle: moco},
	"method.teacher_temperature_start": {set: "0.02", with: dino + " method.teacher_temperature_warmup=3",
		idle: dino},
	"method.teacher_temperature_warmup": {set: "3", with: dino, idle: moco},
	"method.centre_momentum":            {set: "0.5", with: dino, idle: moco},
	"method.freeze_prototypes":          {set: "2", with: dino, idle: moco},
	"method.freeze_patch": {set: "true", with: "method.name=mocov3 " + vit,
		idle: "method.name=mocov3 " + res},
	"method.local_crops":        {set: "2", with: dino, idle: moco},
	"method.local_scale":        {set: "[0.1,0.3]", with: dino + " method.local_crops=2", idle: dino},
	"method.local_size":         {set: "0.75", with: dino + " method.local_crops=2", idle: dino},
	"method.mask_ratio":         {set: "0.5", with: mae, idle: dino},
	"method.decoder_depth":      {set: "3", with: mae, idle: dino},
	"method.decoder_dim":        {set: "48", with: mae, idle: dino},
	"method.decoder_heads":      {set: "4", with: mae, idle: mae + " method.decoder_depth=0"},
	"method.norm_pix":           {set: "true", with: mae, idle: dino},
	"augment.preset":            {set: "strong"},
	"augment.size":              {set: "[0,0]"}, // other sizes are refused
	"augment.crop.scale":        {set: "[0.2,1]"},
	"augment.crop.ratio":        {set: "[1,1]", idle: "augment.crop.scale=[0,0]"},
	"augment.flip":              {set: "0.1"},
	"augment.flip_vertical":     {set: "0.1"},
	"augment.jitter.brightness": {set: "0.1", idle: "augment.jitter.p=0"},
	"augment.jitter.contrast":   {set: "0.1", idle: "augment.jitter.p=0"},
	"augment.jitter.saturation": {set: "0.1", idle: "augment.jitter.p=0"},
	"augment.jitter.hue":        {set: "0.2", idle: "augment.jitter.p=0"},
	"augment.jitter.p": {set: "0.5", idle: "augment.jitter.brightness=0 augment.jitter.contrast=0 " +
		"augment.jitter.saturation=0 augment.jitter.hue=0"},
	"augment.gray":               {set: "0.1", idle: "data.name=mnist data.dir=x augment.mean=[0.1] augment.std=[0.3]"},
	"augment.blur.p":             {set: "0.1"},
	"augment.blur.kernel":        {set: "5", with: "augment.blur.p=0.5", idle: "augment.blur.p=0"},
	"augment.blur.sigma":         {set: "[1,2]", with: "augment.blur.p=0.5", idle: "augment.blur.p=0"},
	"augment.solarize":           {set: "0.1"},
	"augment.solarize_threshold": {set: "0.6", with: "augment.solarize=0.5", idle: "augment.solarize=0"},
	"augment.invert":             {set: "0.1"},
	"augment.second":             {set: "{flip: 0.1}", idle: mae},
	"augment.mean":               {set: "[0.5,0.5,0.5]"},
	"augment.std":                {set: "[0.5,0.5,0.5]"},
	"train.epochs":               {set: "3"},
	"train.batch":                {set: "50"},
	"train.accumulate":           {set: "2"},
	"train.optimizer":            {set: "sgd"},
	"train.lr":                   {set: "0.01"},
	"train.weight_decay":         {set: "0.01"},
	"train.weight_decay_end":     {set: "0.4", with: "train.weight_decay=0.1", idle: "train.weight_decay=0"},
	"train.momentum":             {set: "0.8", with: sgd, idle: adam},
	"train.beta1":                {set: "0.8", with: adam, idle: sgd},
	"train.beta2":                {set: "0.8", with: adam, idle: sgd},
	"train.lars_trust":           {set: "0.1", with: lars, idle: sgd},
	"train.lars_clip":            {set: "true", with: lars, idle: sgd},
	"train.clip_norm":            {set: "1", idle: secret + " encoder.norm=auto"},
	"train.private.epsilon":      {set: "8", with: mae, idle: dino},
	"train.private.noise":        {set: "1", with: mae, idle: dino},
	"train.private.clip":         {set: "0.2", with: secret, idle: mae},
	"train.private.delta":        {set: "1e-6", with: secret, idle: mae},
	"train.weights_ema":          {set: "0.9"},
	"train.schedule":             {set: "constant"},
	"train.warmup_epochs":        {set: "1"},
	"train.precision":            {set: "bf16"},
	"train.winograd":             {set: "f2", idle: vit},
	"train.seed_f":               {set: "7"},
	"train.seed_g":               {set: "7"},
	"train.checkpoint_every":     {set: "3"},
	"train.keep_every":           {set: "3", idle: "train.epochs=2"},
	"train.order":                {set: "parallel", idle: "train.threads=1"},
	"train.threads":              {set: "2"},
	"knn.every":                  {set: "5"},
	"knn.k":                      {set: "5", idle: "knn.every=0"},
	"knn.t":                      {set: "0.2", idle: "knn.every=0"},
	"knn.train":                  {set: "100", idle: "knn.every=0"},
	"knn.test":                   {set: "100", idle: "knn.every=0"},
	"score.preset":               {set: "authors"},
	"score.estimators":           {set: "[raw]"},
	"score.distances":            {set: "[l2]"},
	"score.mode":                 {set: "original"},
	"score.views":                {set: "3"},
	"score.taps":                 {set: "[head]"},
	"score.units":                {set: "false"},
	"score.rest":                 {set: "median", idle: "score.units=false"},
	"score.absolute":             {set: "true", idle: "score.units=false"},
	"score.alignment":            {set: "true"},
	"score.points.shared":        {set: "100", idle: "split.shared=50 train.batch=50"},
	"score.points.candidate":     {set: "100", idle: "split.candidate=50"},
	"score.points.independent":   {set: "100", idle: "split.independent=50"},
	"score.points.external":      {set: "100", idle: "split.external=0"},
	"score.resamples":            {set: "99"},
	"score.level":                {set: "0.9"},
	"score.seed":                 {set: "2"},
	"score.augment":              {set: "{flip: 0.1}"},
	"score.batch":                {set: "7"},
}

// noRefusal are fields that can say nothing new, or nothing else.
var noRefusal = map[string]string{"augment.size": "only [0, 0] is taken"}

func settingsOf(text string) []string { return strings.Fields(text) }

// Every field has an entry above, and its change shows: it changes the hash, or what the
// field stands for where it is no part of hashes.
func TestEveryFieldHasAnEffect(t *testing.T) {
	paths := map[string]bool{}
	r := blank()
	for _, l := range settings.Leaves(r) {
		paths[l.Path] = true
	}
	for path := range paths {
		c, ok := changes[path]
		if !assert.True(t, ok, "%s: found no entry in changes, expected one: what shows when it changes, and next to "+
			"what is it refused?", path) || noRefusal[path] != "" {
			continue
		}
		before, err := Read("", nil, settingsOf(c.with))
		require.NoError(t, err, path)
		set := path + "=" + c.set
		if strings.HasPrefix(c.set, "{") {
			set = path + "." + strings.Replace(strings.Trim(c.set, "{}"), ": ", "=", 1)
		}
		after, err := Read("", nil, append(settingsOf(c.with), set))
		require.NoError(t, err, path)
		counted := before.Hash() != after.Hash()
		if !counted { // hash:"-"
			counted = before.RunName() != after.RunName() || texts(before)[path] != texts(after)[path]
		}
		assert.True(t, counted, "%s changes nothing", set)
	}
	for path := range changes {
		assert.True(t, paths[path], "%s is no field", path)
	}
}

// Next to what takes its effect away, a field is refused, in a file as by an assignment,
// and the refusal names it. Every field with a condition is among them.
func TestFieldsWithoutEffectAreRefused(t *testing.T) {
	for _, k := range ssl.Kinds() {
		r, err := Request{Own: []string{"method.name=" + k.Name}}.Read()
		if err != nil {
			r = blank()
		}
		for _, l := range settings.Leaves(r) {
			for _, tag := range l.Tags {
				conditions, ok := tag.Lookup("needs")
				if !ok {
					conditions = tag.Get("hash")
				}
				for cond := range eachCondition(conditions, l.Path) {
					assert.True(t, cond.path == l.Path || changes[l.Path].idle != "", "%s needs %s: found nothing in changes "+
						"that takes its effect away", l.Path, cond.path)
				}
			}
		}
	}
	for path, c := range changes {
		if c.idle == "" {
			continue
		}
		set := path + "=" + c.set
		if strings.HasPrefix(c.set, "{") {
			set = path + "." + strings.Replace(strings.Trim(c.set, "{}"), ": ", "=", 1)
		}
		field, _, _ := strings.Cut(set, "=")
		named := "--set " + set + ": " + field + ": "
		if strings.HasPrefix(field, "train.private.") { // what is wrong is the method, or its batch norm
			field, named = "train.private.", "train.private"
		}
		_, err := Read("", nil, append(settingsOf(c.idle), set))
		assert.ErrorContains(t, err, named, c.idle)
		_, err = Request{Src: merged(t, append(settingsOf(c.idle), set)), File: "x.yaml"}.Read()
		assert.ErrorContains(t, err, strings.TrimSuffix(field, "."), "a file of %s %s", c.idle, set)
	}
}

// merged writes assignments as a document.
func merged(t *testing.T, sets []string) []byte {
	t.Helper()
	tree := map[string]any{}
	for _, s := range sets {
		path, value, _ := strings.Cut(s, "=")
		at := tree
		parts := strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			if _, ok := at[p].(map[string]any); !ok {
				at[p] = map[string]any{}
			}
			at = at[p].(map[string]any)
		}
		at[parts[len(parts)-1]] = value
	}
	var b strings.Builder
	var write func(at map[string]any)
	write = func(at map[string]any) {
		b.WriteString("{")
		for k, v := range at {
			b.WriteString(k + ": ")
			if m, ok := v.(map[string]any); ok {
				write(m)
			} else {
				b.WriteString(v.(string))
			}
			b.WriteString(", ")
		}
		b.WriteString("}")
	}
	write(tree)
	return []byte(b.String())
}

// A setting of another method names the methods that have it. One that a file gives its
// own method goes with it when an assignment names another; a copy of the default recipe
// gives all of them at their defaults.
func TestSettingsOfOtherMethods(t *testing.T) {
	_, err := Read("", nil, []string{"method.name=byol", "method.temperature=0.3"})
	assert.EqualError(t, err, "--set method.temperature=0.3: method.temperature: found 0.3, but method byol has no such "+
		"setting, expected one of its own or method.name to be dino or mocov2 or mocov3 or simclr")
	_, err = Read("x.yaml", []byte("method:\n  temperature: 0.3\n  name: byol\n"), nil)
	assert.ErrorContains(t, err, "x.yaml:2: method.temperature: found 0.3, but method byol has no such setting")
	_, err = Read("", nil, []string{"method.name=byol", "method.temperature=0.2"})
	assert.ErrorContains(t, err, "method byol has no such setting", "not even at the default")
	r, err := Read("x.yaml", []byte("method: {temperature: 0.3, projector: [9]}"), []string{"method.name=byol"})
	require.NoError(t, err)
	assert.Equal(t, []int{9}, r.Method.Config.(ssl.BYOLConfig).Projector, "this one both have")
	r, err = Read("copy.yaml", bytes.Replace(recipes.Default, []byte("name: simclr "), []byte("name: byol   "), 1), nil)
	require.NoError(t, err)
	assert.Equal(t, "byol", r.Method.Name)
}

// An assignment may take the effect of a file's setting away; the recipe that a run
// keeps of the two is read again.
func TestAssignmentsOverAFile(t *testing.T) {
	file := []byte("train: {optimizer: sgd, momentum: 0.8}\nknn: {k: 5}")
	r, err := Read("x.yaml", file, []string{"train.optimizer=adam", "knn.every=0"})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, r.Write(&b))
	again, err := Request{Src: b.Bytes(), Stored: true}.Read()
	require.NoError(t, err)
	assert.Equal(t, r, again)
	_, err = Read("x.yaml", file, []string{"train.optimizer=adam", "train.momentum=0.7"})
	assert.EqualError(t, err, "--set train.momentum=0.7: train.momentum: found 0.7, expected 0.9, the default: it has no "+
		"effect where train.optimizer is adam, not sgd or lars")
	_, err = Read("x.yaml", []byte("knn: {every: 0, k: 5}"), nil)
	assert.EqualError(t, err, "x.yaml:1: knn.k: found 5, expected 20, the default: it has no effect where knn.every is 0")
}

// A recipe for a purpose has that purpose's fields: of others nothing is checked, and none
// can be assigned.
func TestRecipeForAPurpose(t *testing.T) {
	few := []byte("data: {synthetic: {train: 30, test: 30}}")
	_, err := Read("x.yaml", few, nil)
	assert.ErrorContains(t, err, "the default of recipes/default.yaml:35: split.shared: shared + candidate + independent "+
		"are 300 + 200 + 200 = 700 images, the training part of synthetic has 30")
	r, err := Request{File: "x.yaml", Src: few, Uses: []string{"data"}}.Read()
	require.NoError(t, err)
	assert.Equal(t, 30, r.Data.Synthetic.Train)
	_, err = Request{File: "x.yaml", Src: few, Sets: []string{"knn.k=5"}, Uses: []string{"data", "score"}}.Read()
	assert.EqualError(t, err, "--set knn.k=5: knn.k: found a value, but the field has no effect on this command, which "+
		"takes those of data, score")
	off := Request{Sets: []string{"knn.k=900"}, Own: []string{"knn.every=0"}, Uses: []string{"data", "split", "knn.k"}}
	_, err = off.Read()
	assert.NoError(t, err, "a condition on a field that does not count holds")
}
