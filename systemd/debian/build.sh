#!/bin/sh
# Builds dist/fairhaul_VERSION_ARCH.deb for one Python: everything that the truck needs, so that nothing is fetched there.
#   PYTHON_VERSION=3.11 ARCH=arm64 systemd/debian/build.sh
# Debian 12 has Python 3.11, Debian 13 has 3.13. VERSION=9.9.9 builds under another version, for tests of upgrades.
# Prints the name of the package. The tree is laid by hand and packed by dpkg-deb: the same sources give the same bytes.
set -eu
cd "$(dirname "$0")/../.."

python=${PYTHON:-.venv/bin/python}
for_python=${PYTHON_VERSION:-3.11}
arch=${ARCH:-$(dpkg --print-architecture)}
version=${VERSION:-$(sed -n 's/^VERSION = "\(.*\)"/\1/p' agent/__init__.py)}
# A release candidate comes before its release, and the package for the next Debian behind that for this one.
debian_version=$(echo "$version" | sed -E 's/(a|b|rc|\.dev)([0-9]+)$/~\1\2/')+py$for_python
SOURCE_DATE_EPOCH=$(date --utc --date "$(sed -n 's/^ *"\(20..-..-..\)".*/\1/p' agent/__init__.py)" +%s)
export SOURCE_DATE_EPOCH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

work=build/deb/$arch-$for_python-$version
root=$work/root
home=$root/usr/lib/fairhaul
site=$home/lib/python$for_python/site-packages
doc=$root/usr/share/doc/fairhaul
rm -rf "$work"
mkdir -p "$work/source" "$home/bin" "$site" "$doc" "$root/usr/bin" "$root/DEBIAN" dist
umask 022

# The program, from a copy of its sources: nothing that an earlier build left gets in.
cp -R agent drivers buffer config setup.cfg pyproject.toml README.md LICENSE "$work/source"
sed -i "s/^VERSION = .*/VERSION = \"$version\"/" "$work/source/agent/__init__.py"
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$work" "$work/source"

# What it needs, as wheels for the truck's machine and Python, each of a hash that is written down.
case $arch in
    amd64) machine=x86_64 ;;
    arm64) machine=aarch64 ;;
    *) echo "no wheels for $arch" >&2; exit 2 ;;
esac
libraries=build/deb/libraries-$arch-$for_python
if ! cmp -s systemd/debian/requirements.txt "$libraries/locked"; then
    rm -rf "$libraries"
    "$python" -m pip install --quiet --target "$libraries" --no-compile --no-deps --only-binary :all: --require-hashes \
        --implementation cp --python-version "$for_python" \
        --platform "manylinux_2_34_$machine" --platform "manylinux_2_28_$machine" \
        --platform "manylinux_2_17_$machine" --platform "manylinux2014_$machine" \
        --requirement systemd/debian/requirements.txt
    cp systemd/debian/requirements.txt "$libraries/locked"
fi
cp -R "$libraries/." "$site"
rm -rf "$site/bin" "$site/locked"
"$python" -m pip install --quiet --target "$site" --no-compile --no-deps --no-index "$work"/fairhaul-*.whl
rm -rf "$site/bin" "$site"/fairhaul-*.dist-info/direct_url.json
find "$site" -name __pycache__ -prune -exec rm -rf {} +

# A virtual environment of its own: our packages bear plain names, which no other program should meet.
ln -s "/usr/bin/python$for_python" "$home/bin/python"
printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = %s\n' "$for_python" > "$home/pyvenv.cfg"
install -m 755 systemd/debian/fairhaul.py "$home/bin/fairhaul"
ln -s ../lib/fairhaul/bin/fairhaul "$root/usr/bin/fairhaul"
depends="python$for_python, init-system-helpers, systemd"
if [ "$arch" = arm64 ]; then
    # The pins: lgpio has no wheel for every Python, so it is the system's, and of all the system has only that.
    depends="$depends, python3-lgpio"
    native=_lgpio.cpython-$(echo "$for_python" | tr -d .)-$machine-linux-gnu.so
    ln -s /usr/lib/python3/dist-packages/lgpio.py "$site/lgpio.py"
    ln -s "/usr/lib/python3/dist-packages/$native" "$site/$native"
fi

# What systemd and udev read.
lay() { install -D -m 644 "systemd/$1" "$root/usr/lib/$2"; }
lay fairhaul.service systemd/system/fairhaul.service
lay fairhaul.sysusers sysusers.d/fairhaul.conf
lay fairhaul.tmpfiles tmpfiles.d/fairhaul.conf
lay fairhaul.modules-load modules-load.d/fairhaul.conf
for rules in systemd/*.rules; do
    lay "${rules#systemd/}" "udev/rules.d/${rules#systemd/}"
done

# The pages and the examples, in the folders of the sources, so that their links hold.
cp -R README.md CHANGELOG.md docs config "$doc"
find "$doc" \( -name '*.py' -o -name __pycache__ \) -prune -exec rm -rf {} +
mkdir "$doc/systemd"
find systemd -maxdepth 1 -type f -exec cp -t "$doc/systemd" {} +
install -m 644 systemd/debian/copyright "$doc/copyright"
chmod -R u=rwX,go=rX "$root"

for script in preinst postinst prerm postrm; do
    sed "s/@VERSION@/$debian_version/g" "systemd/debian/$script" > "$root/DEBIAN/$script"
    chmod 755 "$root/DEBIAN/$script"
done
sed -e "s/@VERSION@/$debian_version/" -e "s/@ARCH@/$arch/" -e "s/@DEPENDS@/$depends/" \
    -e "s/@SIZE@/$(du -sk --apparent-size "$root/usr" | cut -f1)/" systemd/debian/control > "$root/DEBIAN/control"
(cd "$root" && find usr -type f | LC_ALL=C sort | xargs -d '\n' md5sum) > "$work/md5sums"
mv "$work/md5sums" "$root/DEBIAN/md5sums"

package=dist/fairhaul_${debian_version}_$arch.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" > /dev/null
echo "$package"
